package html

import (
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/report"
)

// Processes of one group share a chart.
func TestTrendsAreDrawnByGroup(t *testing.T) {
	g := gomega.NewWithT(t)
	points := []report.TrendPoint{{At: 0, Value: 20}, {At: 600, Value: 22}}
	groups := trendGroups(&report.Report{Trends: []report.Trend{
		{Group: "memory of the gateway", Name: "pod envoy", Unit: "MiB", Verdict: report.VerdictPass, WarmSeconds: 200, Points: points},
		{Group: "memory of the gateway", Name: "pod pilot-agent", Unit: "MiB", Verdict: report.VerdictFail, PerHour: 30, Low: 20, High: 40, Allowed: 12, WarmSeconds: 200, Points: points},
		{Group: "memory of istiod", Name: "<b>", Unit: "MiB", Verdict: report.VerdictPass, Points: points},
	}})
	g.Expect(groups).To(gomega.HaveLen(2))
	g.Expect(groups[0].Rows).To(gomega.HaveLen(2))
	g.Expect(groups[0].Rows[1]).To(gomega.Equal([]string{"pod pilot-agent", "+30.00 MiB", "+20.00 to +40.00", "12", "fail"}))
	g.Expect(string(groups[0].Chart)).To(gomega.And(gomega.ContainSubstring("<svg"), gomega.ContainSubstring("judged from here")))
	g.Expect(string(groups[1].Chart)).NotTo(gomega.ContainSubstring("<b>"))
}
