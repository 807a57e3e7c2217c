package validation

import (
	"context"

	"github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "validation-webhooks-gone", Promise: "an invalid resource that nobody refuses is noticed",
			Break: removeValidation, Plays: "install:validation,install/samples-refused",
			Fails: map[string]string{
				"install/validation": "a resource that Istio's rules forbid is let in", "install/validation-istiod-down": "Istio has no validating webhook",
				"install/samples-refused": "istiod does not refuse what its own rules forbid",
			},
		},
		{
			Name: "validation-skips-a-kind", Promise: "a webhook that does not match what it should is noticed",
			Break: skipNetworking, Plays: "install:validation",
			Fails: map[string]string{
				"install/validation": "a resource that Istio's rules forbid is let in", "install/validation-istiod-down": "failurePolicy is Fail, and yet",
			},
		},
	}
}

// removeValidation deletes every validating webhook of Istio.
func removeValidation(ctx context.Context, t *check.T, s *stack.Stack) {
	var list admissionv1.ValidatingWebhookConfigurationList
	t.Expect(s.Client.List(ctx, &list, client.HasLabels{"istio.io/rev"})).To(gomega.Succeed())
	t.Expect(list.Items).NotTo(gomega.BeEmpty())
	for i := range list.Items {
		mutation.Remove(ctx, t, s, &list.Items[i])
	}
}

// skipNetworking takes the group of VirtualServices from the default webhook.
func skipNetworking(ctx context.Context, t *check.T, s *stack.Stack) {
	set := func(ctx context.Context, groups []string) (old []string) {
		config := &admissionv1.ValidatingWebhookConfiguration{}
		t.Expect(s.Client.Get(ctx, client.ObjectKey{Name: "istiod-default-validator"}, config)).To(gomega.Succeed())
		rule := &config.Webhooks[0].Rules[0]
		old, rule.APIGroups = rule.APIGroups, groups
		t.Expect(s.Client.Update(ctx, config)).To(gomega.Succeed())
		return old
	}
	var old []string
	mutation.Mend(ctx, t, func(ctx context.Context) { set(ctx, old) })
	old = set(ctx, []string{"security.istio.io"})
	t.Eventually(ctx, func() error { return create(ctx, s, virtualService(map[string]any{"host": "backend"}, -1)) }).
		Should(gomega.Succeed(), "the API server calls the webhook no more")
}
