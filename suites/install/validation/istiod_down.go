package validation

import (
	"context"

	"github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(istiodDown)

// istiodDown asks for a judgement while nobody can give one.
func istiodDown(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "validation-istiod-down",
		Promise: "while istiod is down a resource is refused or let in exactly as the webhooks' failurePolicy says",
		SkipIf:  s.WhyNotOurs,
		Run: func(ctx context.Context, t *check.T) {
			t.Diagnose("Istio has no validating webhook: nobody judges its resources",
				"helm upgrade istio-base and istiod of this version; look for who deleted the webhooks", "https://istio.io/latest/docs/ops/common-problems/validation/")
			t.Expect(kit.FailurePolicies(ctx, s)).NotTo(gomega.BeEmpty(), "no validating webhook of Istio")
			kit.ScaleIstiod(ctx, t, s, 0)
			// Nobody changes them now; istiod does, a moment after it serves.
			policies, err := kit.FailurePolicies(ctx, s)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			valid := virtualService(map[string]any{"host": "backend"}, int64(99))
			err = create(ctx, s, valid)
			t.Observe("failurePolicy %v; a valid VirtualService while istiod is down: %v", policies, err)
			if policies["istiod-default-validator"] == admissionv1.Fail {
				t.Diagnose("failurePolicy is Fail, and yet a resource is let in while istiod is down",
					"compare the webhook's rules and selectors with the resource: kubectl get validatingwebhookconfigurations -o yaml",
					"https://istio.io/latest/docs/ops/common-problems/validation/")
				t.Expect(err).To(gomega.MatchError(gomega.And(
					gomega.ContainSubstring("failed calling webhook"), gomega.ContainSubstring("validation.istio.io"))), "a valid VirtualService while istiod is down")
				return
			}
			t.Diagnose("failurePolicy is Ignore, and yet a resource is refused while istiod is down",
				"the message says who refused it", "https://istio.io/latest/docs/ops/common-problems/validation/")
			t.Expect(err).NotTo(gomega.HaveOccurred(), "a valid VirtualService while istiod is down")
		},
	}
}
