package kit

import (
	"context"
	"slices"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// AppImage is the image of a pod that is a dry run: it is never pulled.
const AppImage = "conformance.test/app:1"

// Injected returns what becomes of a pod with these labels in the namespace, as
// a dry run: the API server asks istiod's injector all the same.
func Injected(ctx context.Context, s *stack.Stack, namespace string, labels map[string]string) (*corev1.Pod, error) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "injection-", Namespace: namespace, Labels: labels},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: AppImage}}},
	}
	if s.Existing() {
		stack.Restrict(&pod.Spec)
	}
	return pod, s.Client.Create(ctx, pod, client.DryRunAll)
}

// ProxyContainer is the name of a sidecar's container.
const ProxyContainer = "istio-proxy"

// MustInject waits until new pods of the checks' namespace get a sidecar, or none:
// the API server follows a change a moment later, and pods that are made at once
// would be as before.
func MustInject(ctx context.Context, t *check.T, s *stack.Stack, sidecar bool) {
	t.Helper()
	want := gomega.ContainElement(ProxyContainer)
	if !sidecar {
		want = gomega.Not(want)
	}
	t.Eventually(ctx, func() ([]string, error) {
		pod, err := Injected(ctx, s, s.Namespace, nil)
		return ContainerNames(pod), err
	}).WithTimeout(PropagationTimeout).Should(want, "containers of a new pod in namespace %s", s.Namespace)
}

// ContainerNames lists a pod's init containers and containers: a sidecar is one
// of the former where Kubernetes has native sidecars.
func ContainerNames(pod *corev1.Pod) []string {
	var all []string
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		all = append(all, c.Name)
	}
	return all
}
