package html

import (
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/report"
)

func TestTheChartShowsWhatTheGateJudges(t *testing.T) {
	pairs := []report.Pair{{Round: 1, BaselineMicros: []float64{600}, CandidateMicros: []float64{1200}}, {Round: 2, BaselineMicros: []float64{700}, CandidateMicros: []float64{1250}}}
	for _, c := range []struct {
		name          string
		kind          string
		limit, micros float64
		added, ratio  bool
	}{
		{"a ceiling", "added", 0, 2000, true, false},
		{"an added latency that is only reported", "added", 0, 0, true, false},
		{"a ratio", "ratio", 1.1, 0, false, true},
		{"both", "ratio", 1.1, 2000, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			q := report.Quantile{Q: 0.5, Ratio: 1.9, CILow: 1.8, CIHigh: 2, Limit: c.limit, AddedMicros: 613, AddedLowMicros: 489, AddedHighMicros: 777, LimitMicros: c.micros, Pairs: pairs}
			svg := strings.Join(pairCharts(report.Load{Kind: c.kind}, q), "")
			g.Expect(strings.Contains(svg, "p50: what the candidate adds")).To(gomega.Equal(c.added))
			g.Expect(strings.Contains(svg, "p50: ratio of candidate")).To(gomega.Equal(c.ratio))
			g.Expect(strings.Contains(svg, "tolerated 2 ms")).To(gomega.Equal(c.micros > 0))
		})
	}
}

func TestTheAddedLatencyHasItsIntervalInTheTable(t *testing.T) {
	g := gomega.NewWithT(t)
	g.Expect(addedText(report.Quantile{AddedMicros: 613, AddedLowMicros: -489, AddedHighMicros: 777})).To(gomega.Equal("+0.61 ms (-0.49 to +0.78)"))
	g.Expect(addedText(report.Quantile{})).To(gomega.BeEmpty())
}

func TestInterval(t *testing.T) {
	g := gomega.NewWithT(t)
	g.Expect(interval(report.Quantile{Ratio: 1.9, CILow: 1.8, CIHigh: 2})).To(gomega.Equal("1.800 to 2.000"))
	g.Expect(interval(report.Quantile{Ratio: 1.9})).To(gomega.Equal("none"))
}
