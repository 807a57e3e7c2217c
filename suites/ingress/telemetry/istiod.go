package telemetry

import (
	"context"
	"fmt"

	"github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// badLabel is no name of a label. The CRD's own schema lets it pass, so that it is
// istiod that refuses it.
const goodLabel, badLabel = "good", "not a label!"

// refusals and approvals are how many resources of each kind istiod is asked to
// validate.
const refusals, approvals = 3, 2

var _ = Checks.Add(istiodMetrics)

// istiodMetrics counts what istiod validated. Nothing else in the checks makes a
// WorkloadGroup.
func istiodMetrics(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "istiod-metrics",
		Parallel: true,
		SkipIf:   s.WhyUnvalidated,
		Promise:  fmt.Sprintf("istiod's metrics at port %d count exactly the resources that it refused and let pass, and as many proxies as are connected", kit.IstiodMonitoring),
		Run: func(ctx context.Context, t *check.T) {
			t.Diagnose("istiod's metrics cannot be read", "look at istiod's log in the evidence, and at port http-monitoring of its Service", "https://istio.io/latest/docs/ops/best-practices/observability/")
			failed, err := validations(ctx, s, "galley_validation_failed")
			t.Expect(err).NotTo(gomega.HaveOccurred())
			passed, err := validations(ctx, s, "galley_validation_passed")
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Diagnose("istiod's webhook does not refuse what its validation forbids", "look at the ValidatingWebhookConfigurations in the evidence", "https://istio.io/latest/docs/ops/common-problems/validation/")
			for range refusals {
				// Not as a dry run, whose refusals istiod does not count.
				group := workloadGroup(s, badLabel)
				err := s.Client.Create(ctx, group)
				if err == nil {
					t.CleanupWithin(ctx, kit.CleanupTimeout, func(ctx context.Context) { t.Expect(s.Client.Delete(ctx, group)).To(gomega.Succeed()) })
				}
				// Not "failed calling webhook", by which nobody judged it.
				t.Expect(err).To(gomega.MatchError(gomega.MatchRegexp(`validation\.istio\.io" denied the request`)), "a WorkloadGroup with label %q", badLabel)
			}
			for range approvals {
				err := s.Client.Create(ctx, workloadGroup(s, goodLabel), client.DryRunAll)
				t.Expect(err).To(gomega.Succeed(), func() string { return kit.NotTaken(t, err) })
			}
			t.Diagnose("istiod's metrics do not count each resource once that its webhook was given", "look for a second ValidatingWebhookConfiguration that leads to istiod, and at istiod's log in the evidence",
				"https://istio.io/latest/docs/reference/commands/pilot-discovery/#metrics")
			t.Eventually(ctx, func() (float64, error) { return validations(ctx, s, "galley_validation_failed") }).Should(counted(s, failed+refusals), "refused WorkloadGroups")
			t.Eventually(ctx, func() (float64, error) { return validations(ctx, s, "galley_validation_passed") }).Should(counted(s, passed+approvals), "WorkloadGroups that passed")
			proxies, err := kit.IstiodSum(ctx, s, "pilot_xds", nil)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Diagnose("istiod's metrics count fewer proxies than are connected", "look at istiod's /debug/syncz in the evidence", "https://istio.io/latest/docs/reference/commands/pilot-discovery/#metrics")
			// The gateway and the shared backends at least; other checks' pods come and go.
			t.Expect(proxies).To(gomega.BeNumerically(">=", 1+kit.BackendReplicas), "pilot_xds: proxies that are connected")
			t.Observe("%d refused, %d passed, %v proxies connected", refusals, approvals, proxies)
		},
	}
}

// counted matches a counter of istiod's: in a cluster that others use they may add to it.
func counted(s *stack.Stack, want float64) types.GomegaMatcher {
	if s.Existing() {
		return gomega.BeNumerically(">=", want)
	}
	return gomega.Equal(want)
}

// workloadGroup gives its workloads a label.
func workloadGroup(s *stack.Stack, label string) client.Object {
	group := &unstructured.Unstructured{Object: map[string]any{
		"spec": map[string]any{
			"template": map[string]any{"serviceAccount": "default"},
			"metadata": map[string]any{"labels": map[string]any{label: "value"}},
		},
	}}
	group.SetAPIVersion("networking.istio.io/v1")
	group.SetKind("WorkloadGroup")
	group.SetNamespace(s.Namespace)
	group.SetName(newName("validated"))
	return group
}

func validations(ctx context.Context, s *stack.Stack, series string) (float64, error) {
	return kit.IstiodSum(ctx, s, series, map[string]string{"resource": "workloadgroups"})
}
