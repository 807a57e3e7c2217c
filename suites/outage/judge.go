package outage

import (
	"context"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/report"
	"istio-conformance/suites/kit/flow"
)

// judge ends the traffic and asserts that it stayed within the bound, and that new
// configuration reached the gateway.
func (r *ride) judge(ctx context.Context, t *check.T, b flow.Bound, fix, link string) {
	t.Helper()
	last(ctx, t, after)
	r.traffic.Stop()
	t.Expect(r.traffic.Err()).NotTo(gomega.HaveOccurred(), "the traffic")
	all := r.traffic.Seen()
	for _, seen := range all {
		t.Observe("%s", seen)
	}
	lost, invalid := b.Judge(all)
	if len(invalid) > 0 {
		t.SkipUnmeasured(report.VerdictInvalid, invalid...)
	}
	t.Diagnose("requests fail or wait while "+r.what, fix, link)
	t.Expect(lost).To(gomega.BeEmpty(), "while %s; first failures: %s", r.what, flow.FirstFailures(all))
	t.Diagnose("new configuration does not reach the gateway "+r.when(),
		"look for xDS connection errors in the gateway's log and at istiod's log in the evidence", "https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/")
	t.Expect(r.unconfigured).NotTo(gomega.HaveOccurred(), "while %s", r.what)
}
