package ingress

import (
	"context"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

// backendMutations returns the ways to break what every check stands on.
func backendMutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "backends-without-sidecar", Promise: "pods that were made without injection are noticed, once",
			Break: withoutSidecars, Plays: "ingress",
			Fails: map[string]string{"ingress/backends": "did not inject the sidecar"},
		},
	}
}

// withoutSidecars makes the backend's pods anew while injection is off.
func withoutSidecars(ctx context.Context, t *check.T, s *stack.Stack) {
	renew := func(ctx context.Context, sidecar bool) {
		old, err := s.ReadyPods(ctx, s.Namespace, "app=backend")
		t.Expect(err).NotTo(gomega.HaveOccurred())
		t.Expect(s.Client.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(s.Namespace), client.MatchingLabels{"app": "backend"})).To(gomega.Succeed())
		t.Eventually(ctx, func() ([]bool, error) { return injected(ctx, s, old) }).WithTimeout(mutation.MendTimeout).
			Should(gomega.And(gomega.HaveLen(len(old)), gomega.HaveEach(sidecar)), "new pods with a sidecar")
	}
	mutation.Mend(ctx, t, func(ctx context.Context) { renew(ctx, true) })
	mutation.Mend(ctx, t, func(ctx context.Context) { kit.MustInject(ctx, t, s, true) })
	mutation.Label(ctx, t, s, s.Namespace, "istio-injection", "disabled")
	kit.MustInject(ctx, t, s, false)
	renew(ctx, false)
}

// injected says of each ready pod that is not among the old ones whether it has
// a sidecar.
func injected(ctx context.Context, s *stack.Stack, old []corev1.Pod) ([]bool, error) {
	known := map[string]bool{}
	for _, p := range old {
		known[p.Name] = true
	}
	pods, err := s.ReadyPods(ctx, s.Namespace, "app=backend")
	var found []bool
	for _, p := range pods {
		if !known[p.Name] {
			found = append(found, p.Annotations["sidecar.istio.io/status"] != "")
		}
	}
	return found, err
}
