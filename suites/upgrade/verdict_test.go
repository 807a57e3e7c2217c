package upgrade

import (
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/report"
	"istio-conformance/suites/upgrade/installation"
)

// whole is an upgrade of three steps with five good answers a second.
func whole() (*report.Upgrade, []report.UpgradeStep) {
	u := &report.Upgrade{From: "1.30.0", To: "1.31.0", Traffic: []report.UpgradeTraffic{{Name: "http1", Rate: 5, Requests: 30}}}
	for at := range 6 {
		u.Traffic[0].Timeline = append(u.Traffic[0].Timeline, report.UpgradeSecond{At: at, OK: 5, P99Micros: 1000, GapMillis: 200})
	}
	u.Traffic[0].LongestGapMillis = 200
	return u, []report.UpgradeStep{
		{Name: "soak", Leg: legBefore, Start: 0, Changed: 0, End: 1.6},
		{Name: "istiod", Leg: legForward, From: "1.30.0", To: "1.31.0", Start: 1.6, Changed: 2, End: 3.2},
		{Name: "gateway", Leg: legForward, From: "1.30.0", To: "1.31.0", Start: 3.2, Changed: 5, End: 6},
	}
}

// fail makes requests fail in a second.
func fail(u *report.Upgrade, at, n int, class string) {
	t := &u.Traffic[0]
	t.Timeline[at].Errors = map[string]int{class: n}
	t.Timeline[at].OK -= n
	t.Failed += n
}

func TestFinish(t *testing.T) {
	for _, tt := range []struct {
		name     string
		spoil    func(u *report.Upgrade, steps []report.UpgradeStep)
		measured bool
		want     report.Verdict
		says     string
	}{
		{"nothing lost", func(*report.Upgrade, []report.UpgradeStep) {}, false, report.VerdictPass, ""},
		{"one request lost", func(u *report.Upgrade, _ []report.UpgradeStep) { fail(u, 4, 1, "reset") }, false, report.VerdictFail,
			"1 of 30 requests failed, 0 may: forward gateway 1 reset (1 http1)"},
		{"within the budget", func(u *report.Upgrade, _ []report.UpgradeStep) { fail(u, 4, 2, "reset"); u.Budget = 2 }, false, report.VerdictPass, ""},
		{"beyond the budget", func(u *report.Upgrade, _ []report.UpgradeStep) { fail(u, 4, 3, "reset"); u.Budget = 2 }, false, report.VerdictFail, "3 of 30 requests failed, 2 may"},
		{"measured only", func(u *report.Upgrade, _ []report.UpgradeStep) { fail(u, 4, 3, "reset") }, true, report.VerdictPass, ""},
		{"a step failed", func(_ *report.Upgrade, s []report.UpgradeStep) { s[1].Failures = []string{"webhooks: wrong"} }, false, report.VerdictFail,
			"forward istiod: webhooks: wrong"},
		{"lost before anything changed", func(u *report.Upgrade, _ []report.UpgradeStep) { fail(u, 0, 1, "http 503"); u.Budget = 9 }, false, report.VerdictInvalid,
			"1 requests failed before anything was changed: 1 http 503"},
		{"invalid load", func(u *report.Upgrade, _ []report.UpgradeStep) { u.Traffic[0].Invalid = []string{"late"} }, false, report.VerdictInvalid,
			"traffic http1 is no measurement: late"},
		{"lost requests outweigh an invalid load", func(u *report.Upgrade, _ []report.UpgradeStep) {
			u.Traffic[0].Invalid = []string{"late"}
			fail(u, 4, 1, "reset")
		}, false, report.VerdictFail, "1 of 30"},
		{"nothing sent for a while", func(u *report.Upgrade, _ []report.UpgradeStep) { u.Traffic[0].Timeline[4].SendGapMillis = 1500 }, false, report.VerdictInvalid,
			"forward gateway: loss cannot be judged: http1 sent nothing for 1500 ms, and an outage of 1000 ms must be noticed"},
		{"something sent often enough", func(u *report.Upgrade, _ []report.UpgradeStep) { u.Traffic[0].Timeline[4].SendGapMillis = 900 }, false, report.VerdictPass, ""},
		{"a lost request outweighs that nothing was sent for a while", func(u *report.Upgrade, _ []report.UpgradeStep) {
			u.Traffic[0].Timeline[4].SendGapMillis = 1500
			fail(u, 4, 1, "reset")
		}, false, report.VerdictFail, "1 of 30"},
		{"no traffic", func(u *report.Upgrade, _ []report.UpgradeStep) { u.Traffic = nil }, false, report.VerdictInvalid, "there was no traffic"},
		{"no answer", func(u *report.Upgrade, _ []report.UpgradeStep) { u.Traffic[0].Failed = 30 }, true, report.VerdictInvalid, "no good answer at all"},
		{"versions did not change", func(_ *report.Upgrade, s []report.UpgradeStep) { s[1].To, s[2].To = "1.30.0", "1.30.0" }, false, report.VerdictFail,
			"the versions did not change"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			u, steps := whole()
			tt.spoil(u, steps)
			Finish(u, steps, tt.measured)
			g.Expect(u.Verdict).To(gomega.Equal(tt.want), "%v", u.Reasons)
			if tt.says == "" {
				g.Expect(u.Reasons).To(gomega.BeEmpty())
				return
			}
			g.Expect(u.Reasons).To(gomega.ContainElement(gomega.ContainSubstring(tt.says)))
		})
	}
}

// Every second belongs to the step in whose time its middle lies.
func TestShare(t *testing.T) {
	g := gomega.NewWithT(t)
	u, steps := whole()
	u.Traffic[0].Timeline[2].P99Micros, u.Traffic[0].Timeline[2].GapMillis = 9000, 800
	Finish(u, steps, false)
	g.Expect([]int{u.Steps[0].Requests, u.Steps[1].Requests, u.Steps[2].Requests}).To(gomega.Equal([]int{10, 5, 15}))
	g.Expect(u.Requests).To(gomega.Equal(30))
	g.Expect(u.Steps[1].P99Micros).To(gomega.Equal(9000.0))
	g.Expect(u.Steps[1].LongestGapMillis).To(gomega.Equal(800.0))
	g.Expect(u.Steps[2].BeforeP99Micros).To(gomega.Equal(1000.0))
	g.Expect(u.Phases).To(gomega.HaveLen(3))
}

// The order of the steps never puts a proxy ahead of its control plane.
func TestStepsKeepTheSkew(t *testing.T) {
	g := gomega.NewWithT(t)
	m := &installation.Mesh{Stack: twoVersions()}
	for _, j := range journeys() {
		for _, s := range j.steps(m) {
			newest := s.after.ControlPlanes[len(s.after.ControlPlanes)-1]
			g.Expect(s.after.Gateway <= newest).To(gomega.BeTrue(), "%s %s %s: gateway %s ahead of %s", j.name, s.leg, s.name, s.after.Gateway, newest)
			g.Expect(s.after.Workloads <= newest).To(gomega.BeTrue(), "%s %s %s: workloads %s ahead of %s", j.name, s.leg, s.name, s.after.Workloads, newest)
		}
	}
}

// Every journey ends at the newer version, by a way back to the older one.
func TestJourneysComeBack(t *testing.T) {
	g := gomega.NewWithT(t)
	m := &installation.Mesh{Stack: twoVersions()}
	for _, j := range journeys() {
		steps := j.steps(m)
		last := steps[len(steps)-1].after
		g.Expect(last).To(gomega.Equal(installation.Versions{Base: "1.31.0", Gateway: "1.31.0", Workloads: "1.31.0", ControlPlanes: []string{"1.31.0"}}), j.name)
		if j.values {
			continue
		}
		back := 0
		for _, s := range steps {
			if s.leg == legRollback && s.after.Gateway == "1.30.0" && s.after.Workloads == "1.30.0" && s.after.Of("istiod") == "1.30.0" && s.after.Base == "1.30.0" {
				back++
			}
		}
		g.Expect(back).To(gomega.Equal(1), "%s: the way back does not end at the older version", j.name)
	}
}
