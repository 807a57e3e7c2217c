package injection

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/stack"
)

// Names of what istiod adds to a pod.
const (
	proxy      = "istio-proxy"
	initializr = "istio-init"
	validator  = "istio-validation"
)

// injected returns what becomes of a pod with these labels in the namespace.
func injected(ctx context.Context, s *stack.Stack, namespace string, labels map[string]string) (*corev1.Pod, error) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "injection-", Namespace: namespace, Labels: labels},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: appImage}}},
	}
	return pod, s.Client.Create(ctx, pod, client.DryRunAll)
}

// appImage is never pulled.
const appImage = "conformance.test/app:1"

// container returns a pod's container of that name, and whether it is among the
// init containers.
func container(pod *corev1.Pod, name string) (found *corev1.Container, init bool) {
	named := func(c corev1.Container) bool { return c.Name == name }
	if i := slices.IndexFunc(pod.Spec.InitContainers, named); i >= 0 {
		return &pod.Spec.InitContainers[i], true
	}
	if i := slices.IndexFunc(pod.Spec.Containers, named); i >= 0 {
		return &pod.Spec.Containers[i], false
	}
	return nil, false
}

// names lists a pod's init containers and containers.
func names(pod *corev1.Pod) []string {
	var all []string
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		all = append(all, c.Name)
	}
	return all
}
