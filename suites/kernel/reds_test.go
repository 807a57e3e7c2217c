package kernel

import (
	"maps"
	"slices"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/machine/kernelprobe"
	"istio-conformance/internal/report"
)

// TestReds lets every requirement and setting fail in turn.
func TestReds(t *testing.T) {
	g := gomega.NewWithT(t)
	table, err := kernelprobe.Requirements()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	names := slices.Collect(maps.Keys(settings))
	for _, r := range table {
		names = append(names, r.Name)
	}
	for _, name := range names {
		r := healthy(t)
		change(r, name, kernelprobe.Failed, "broken")
		var red []string
		for check, outcome := range play(t, map[string]*kernelprobe.Report{"node": r}) {
			if outcome.Status == report.Fail {
				red = append(red, check)
			}
		}
		// The suite's tests are about nodes without IPv6, whose checks look at IPv4 alone.
		want := Reds(table, name)
		if slices.Contains(want, "ipv6") {
			want = []string{"ipv6"}
		}
		g.Expect(red).To(gomega.ConsistOf(want), name)
	}
	g.Expect(Reds(table, "nobody knows this")).To(gomega.BeEmpty())
}
