package ingress

import (
	"context"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"istio-conformance/fixtures"
	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// backends deploys the service behind the gateway. Everything later stands on it.
func backends(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "backends",
		Promise: "pods in a namespace labelled istio-injection=enabled become ready with a sidecar",
		Gate:    true,
		Timeout: 4 * time.Minute,
		Run: func(ctx context.Context, t *check.T) {
			manifest, err := fixtures.Files.ReadFile("apps/backend.yaml")
			t.Expect(err).NotTo(gomega.HaveOccurred())
			objects, err := kube.Render(manifest, map[string]string{"Backend": s.Images.Backend})
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(s.CreateTestNamespace(ctx)).To(gomega.Succeed())
			t.Diagnose("the API server or Istio's validation webhook refuses the harness's own objects",
				"look at the message above and at istiod's log in the evidence", "https://istio.io/latest/docs/ops/common-problems/validation/")
			t.Expect(kube.Apply(ctx, s.Client, s.Namespace, objects)).To(gomega.Succeed())
			t.Diagnose("the backend's pods do not become ready",
				"look at the pods and events in the evidence: the sidecar's init container needs the kernel suite's rules, the sidecar needs istiod",
				"https://istio.io/latest/docs/ops/common-problems/injection/")
			var ready []corev1.Pod
			t.Eventually(ctx, func() ([]corev1.Pod, error) {
				var err error
				ready, err = s.ReadyPods(ctx, s.Namespace, kit.BackendSelector)
				return ready, err
			}).WithTimeout(3*time.Minute).Should(gomega.HaveLen(kit.BackendReplicas), "%s", s.DescribePods(ctx, s.Namespace))
			t.Diagnose("the backend's pods have no sidecar: istiod's webhook did not inject the sidecar",
				"compare the labels of the namespace with the webhook's selectors: kubectl get mutatingwebhookconfigurations -o yaml",
				"https://istio.io/latest/docs/ops/common-problems/injection/")
			for _, pod := range ready {
				t.Expect(containerNames(pod)).To(gomega.ContainElement("istio-proxy"), "pod %s has no sidecar", pod.Name)
			}
		},
	}
}

// containerNames lists containers and init containers: a sidecar is an init
// container since Istio 1.27 where Kubernetes has native sidecars.
func containerNames(pod corev1.Pod) []string {
	var names []string
	for _, c := range pod.Spec.InitContainers {
		names = append(names, c.Name)
	}
	for _, c := range pod.Spec.Containers {
		names = append(names, c.Name)
	}
	return names
}
