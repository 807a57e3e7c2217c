package certificates

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

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "root-replaced", Promise: "a workload whose certificate does not chain to the root that others trust is noticed",
			Break: replaceRoot, Plays: "install/workload-certificate",
			Fails: map[string]string{"install/workload-certificate": "other workloads do not take for its own"},
		},
		{
			Name: "strict-everywhere", Promise: "a policy for the whole mesh that takes the control of a check away is noticed",
			Break: mutation.WithFixture("mesh-strict", map[string]string{"Namespace": stack.SystemNamespace}),
			Plays: "install/strict-mtls", Fails: map[string]string{"install/strict-mtls": "the control does not work"},
		},
		{
			Name: "policy-ignored", Promise: "a workload that still accepts plaintext although its policy is STRICT is noticed",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				kit.SetIstiodEnv(ctx, t, s, "PILOT_IGNORE_RESOURCES", "peerauthentications.security.istio.io")
			},
			Plays: "install/strict-mtls", Fails: map[string]string{"install/strict-mtls": "a workload that demands mutual TLS still takes plaintext"},
		},
		{
			Name: "short-lived-refused", Promise: "a CA that does not sign what a workload asks for is noticed",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				kit.SetIstiodEnv(ctx, t, s, "MAX_WORKLOAD_CERT_TTL", "30s")
			},
			Plays: "install/certificate-rotation", Fails: map[string]string{"install/certificate-rotation": "does not become ready"},
		},
		{
			Name: "renewed-too-late", Promise: "a workload that does not ask for its next certificate in time is noticed",
			Break: renewLate, Plays: "install/certificate-rotation",
			Fails: map[string]string{"install/certificate-rotation": "a workload's certificate is not renewed"},
		},
	}
}

// renewLate overrules, for the pods of the checks, when they ask.
func renewLate(ctx context.Context, t *check.T, s *stack.Stack) {
	namespace, err := s.ScratchNamespace(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	mutation.ApplyFixture(ctx, t, s, "late-renewal", map[string]string{"Namespace": namespace})
}

// replaceRoot stops istiod, which would mend it at once, and gives the gateway's
// namespace another root.
func replaceRoot(ctx context.Context, t *check.T, s *stack.Stack) {
	mutation.Scale(ctx, t, s, stack.SystemNamespace, "istiod", 0)
	set := func(ctx context.Context, root string) (old string) {
		m := &corev1.ConfigMap{}
		t.Expect(s.Client.Get(ctx, client.ObjectKey{Namespace: s.Gateway.Namespace, Name: "istio-ca-root-cert"}, m)).To(gomega.Succeed())
		old, m.Data["root-cert.pem"] = m.Data["root-cert.pem"], root
		t.Expect(s.Client.Update(ctx, m)).To(gomega.Succeed())
		return old
	}
	var old string
	mutation.Mend(ctx, t, func(ctx context.Context) { set(ctx, old) })
	old = set(ctx, string(kit.NewRoot(t)))
}
