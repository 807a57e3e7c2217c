package mtls

import (
	"context"
	"slices"
	"strings"

	"github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "plaintext-to-backends", Promise: "a gateway that goes to the backends without mutual TLS is noticed",
			Break: mutation.WithFixture("plaintext-backends", nil),
			Plays: "ingress/mtls-identity,ingress/mtls-modes,ingress/retries", Fails: map[string]string{"ingress/mtls-identity": "not mutual TLS with Istio's identities"},
		},
		{
			// The pod of the modes is made anew by its check, and so without a sidecar.
			Name: "strict-without-sidecar", Promise: "a pod that must take mutual TLS only and has no sidecar is noticed",
			Break: withoutInjector,
			Plays: "ingress:mtls", Fails: map[string]string{"ingress/mtls-modes": "does not come by mutual TLS to a port of mode permissive"},
		},
	}
}

// withoutInjector takes the webhooks away that inject sidecars. The namespace's label
// would not do: the gate before the checks gives it back.
func withoutInjector(ctx context.Context, t *check.T, s *stack.Stack) {
	mutation.Mend(ctx, t, func(ctx context.Context) { kit.MustInject(ctx, t, s, true) })
	var all admissionv1.MutatingWebhookConfigurationList
	t.Expect(s.Client.List(ctx, &all)).To(gomega.Succeed())
	for i := range all.Items {
		if slices.ContainsFunc(all.Items[i].Webhooks, injects) {
			mutation.Remove(ctx, t, s, &all.Items[i])
		}
	}
	kit.MustInject(ctx, t, s, false)
}

// injects says that a webhook is one of the sidecar injector's.
func injects(webhook admissionv1.MutatingWebhook) bool {
	return strings.HasSuffix(webhook.Name, "sidecar-injector.istio.io")
}
