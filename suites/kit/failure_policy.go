package kit

import (
	"context"

	"github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// FailurePolicies returns the failurePolicy of each ValidatingWebhookConfiguration of Istio's.
func FailurePolicies(ctx context.Context, s *stack.Stack) (map[string]admissionv1.FailurePolicyType, error) {
	var list admissionv1.ValidatingWebhookConfigurationList
	if err := s.Client.List(ctx, &list, client.HasLabels{"istio.io/rev"}); err != nil {
		return nil, err
	}
	found := map[string]admissionv1.FailurePolicyType{}
	for i := range list.Items {
		for _, hook := range list.Items[i].Webhooks {
			found[list.Items[i].Name] = ptr.Deref(hook.FailurePolicy, admissionv1.Fail)
		}
	}
	return found, nil
}

// MustFailClosed waits until the webhooks refuse what nobody judges: the chart renders
// Ignore, and istiod changes that a moment after it serves.
func MustFailClosed(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Helper()
	t.Eventually(ctx, func() (map[string]admissionv1.FailurePolicyType, error) { return FailurePolicies(ctx, s) }).
		WithTimeout(istiodTimeout).Should(gomega.HaveEach(admissionv1.Fail), "failurePolicy of Istio's validating webhooks")
}
