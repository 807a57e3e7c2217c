package report

import (
	"testing"

	"istio-conformance/internal/process/exitcode"

	"github.com/onsi/gomega"
)

func TestExitStatus(t *testing.T) {
	for _, tt := range []struct {
		verdict Verdict
		onError int
		want    int
	}{
		{VerdictPass, exitcode.Usage, 0},
		{VerdictFail, exitcode.Usage, 1},
		{VerdictInvalid, exitcode.Usage, 4},
		{VerdictInconclusive, exitcode.Usage, 4},
		{VerdictError, exitcode.Usage, 2},
		{VerdictError, exitcode.Environment, 3},
		{VerdictError, exitcode.Pass, 3},
		{VerdictError, exitcode.Fail, 3},
		{"", exitcode.Pass, 3},
	} {
		if got := tt.verdict.ExitStatus(tt.onError); got != tt.want {
			t.Errorf("%q.ExitStatus(%d) = %d, want %d", tt.verdict, tt.onError, got, tt.want)
		}
	}
}

func TestAnUpgradeMadeAgainDecidesNothing(t *testing.T) {
	g := gomega.NewWithT(t)
	pass, other := journeyOf("recommended", VerdictPass, 0), journeyOf("charts", VerdictPass, 0)
	for _, tt := range []struct {
		upgrades []Upgrade
		want     Verdict
	}{
		{[]Upgrade{madeAgain(), pass}, VerdictPass},
		{[]Upgrade{pass, madeAgain()}, VerdictInvalid},
		{[]Upgrade{madeAgain(), other}, VerdictInvalid},
		{[]Upgrade{journeyOf("recommended", VerdictInvalid, 0), pass}, VerdictInvalid},
		{[]Upgrade{madeAgain(), journeyOf("recommended", VerdictFail, 1)}, VerdictFail},
	} {
		g.Expect(Derive(&Report{Upgrade: tt.upgrades})).To(gomega.Equal(tt.want), "%v", tt.upgrades)
	}
}

func TestFlakesOverTheBudgetFail(t *testing.T) {
	g := gomega.NewWithT(t)
	doc := &Report{Tests: []Test{{Status: Flaky}, {Status: Flaky}, {Status: Pass}}}
	g.Expect(Derive(doc)).To(gomega.Equal(VerdictPass), "without a budget they are only shown")
	doc.Retries = &Retries{PerCheck: 2, FlakeBudget: 2}
	g.Expect(Derive(doc)).To(gomega.Equal(VerdictPass))
	doc.Retries.FlakeBudget = 1
	g.Expect(Derive(doc)).To(gomega.Equal(VerdictFail))
	g.Expect(doc.OverBudget()).To(gomega.Equal("2 checks flaky, more than the budget of 1"))
}
