package report

import (
	"testing"

	"github.com/onsi/gomega"
)

func TestATrendsVerdictFollowsFromItsInterval(t *testing.T) {
	well := Trend{Group: "memory of istiod", Name: "p", Unit: "MiB", Verdict: VerdictPass, PerHour: 1, Low: 0, High: 2, Allowed: 12}
	for name, change := range map[string]func(*Trend){
		"a pass that may grow":   func(t *Trend) { t.High = 13 },
		"a failure that may not": func(t *Trend) { t.Verdict = VerdictFail },
		"no reason":              func(t *Trend) { t.Verdict = VerdictInconclusive },
		"no name":                func(t *Trend) { t.Name = "" },
		"a slope outside":        func(t *Trend) { t.PerHour = 3 },
		"another verdict":        func(t *Trend) { t.Verdict = "green" },
	} {
		var p problems
		trend := well
		change(&trend)
		p.trend("trends[0]", trend)
		gomega.NewWithT(t).Expect(p).NotTo(gomega.BeEmpty(), name)
	}
	var p problems
	p.trend("trends[0]", well)
	gomega.NewWithT(t).Expect(p).To(gomega.BeEmpty())
}
