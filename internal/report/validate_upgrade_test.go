package report

import (
	"errors"
	"testing"

	"github.com/onsi/gomega"
)

// goodUpgrade is an upgrade that passes.
func goodUpgrade() Upgrade {
	return Upgrade{
		From: "1.30.0", To: "1.31.0", Verdict: VerdictPass, Journey: "in-place", Values: "recommended", Repetition: 1, Requests: 600,
		Steps: []UpgradeStep{
			{Name: "base", Leg: "forward", Start: 5, Changed: 8, End: 9, Requests: 400},
			{Name: "istiod", Leg: "forward", Start: 9, Changed: 20, End: 21, Requests: 200},
		},
		Traffic: []UpgradeTraffic{{Name: "http1", Rate: 30, Requests: 600, Timeline: []UpgradeSecond{{At: 0, OK: 30}}}},
	}
}

func TestValidateUpgrade(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(*Upgrade)
		says  string
	}{
		{"good", func(*Upgrade) {}, ""},
		{"within its budget", func(u *Upgrade) { u.Failed, u.Budget = 2, 2 }, ""},
		{"passes with failed requests", func(u *Upgrade) { u.Failed = 1 }, "passes with 1 failed requests, 0 are allowed"},
		{"fails without a reason", func(u *Upgrade) { u.Verdict = VerdictFail }, "gives no reason"},
		{"overlapping steps", func(u *Upgrade) { u.Steps[1].Start = 7 }, "times are not in order"},
		{"changed after its end", func(u *Upgrade) { u.Steps[1].Changed = 30 }, "times are not in order"},
		{"a step that failed", func(u *Upgrade) { u.Steps[0].Failures = []string{"x"} }, "failed in an upgrade that passes"},
		{"invalid traffic", func(u *Upgrade) { u.Traffic[0].Invalid = []string{"x"} }, "no measurement"},
		{"passes and is made again", func(u *Upgrade) { u.Again = true }, "made again with the verdict pass"},
		{"traffic without a rate", func(u *Upgrade) { u.Traffic[0].Rate = 0 }, "counts that cannot be"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := goodUpgrade()
			tt.spoil(&u)
			var p problems
			p.upgrade("upgrade[0]", u)
			if tt.says == "" {
				gomega.NewWithT(t).Expect(errors.Join(p...)).To(gomega.Succeed())
				return
			}
			gomega.NewWithT(t).Expect(errors.Join(p...)).To(gomega.MatchError(gomega.ContainSubstring(tt.says)))
		})
	}
}
