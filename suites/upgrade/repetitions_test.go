package upgrade

import (
	"slices"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/report"
)

func TestRepetitions(t *testing.T) {
	const pass, invalid, failed = report.VerdictPass, report.VerdictInvalid, report.VerdictFail
	for _, tt := range []struct {
		name   string
		wanted int
		// seen repeats its last for as long as there is something to do.
		seen        []report.Verdict
		made, again int
	}{
		{"all measured", 20, []report.Verdict{pass}, 20, 0},
		{"one was no measurement", 1, []report.Verdict{invalid, pass}, 2, 1},
		{"none was a measurement", 1, []report.Verdict{invalid}, 2, 1},
		{"one of five was none", 5, []report.Verdict{pass, invalid, pass}, 6, 1},
		{"none of twenty was one", 20, []report.Verdict{invalid}, 25, 5},
		{"a failure is a verdict", 2, []report.Verdict{failed}, 2, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			todo, most := repetitions(tt.wanted), repetitions(tt.wanted)
			var made []report.Upgrade
			for len(made) < todo.number {
				u := report.Upgrade{Verdict: tt.seen[min(len(made), len(tt.seen)-1)]}
				todo.count(&u)
				made = append(made, u)
			}
			again := slices.DeleteFunc(slices.Clone(made), func(u report.Upgrade) bool { return !u.Again })
			g.Expect(made).To(gomega.HaveLen(tt.made))
			g.Expect(again).To(gomega.HaveLen(tt.again))
			g.Expect(len(made)).To(gomega.BeNumerically("<=", most.most()))
		})
	}
}
