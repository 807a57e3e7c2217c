package outage

import (
	"testing"
	"time"

	"github.com/onsi/gomega"
)

func TestAnOutageIsJudged(t *testing.T) {
	well := seen{name: "kept", requests: 1000, gap: 300 * time.Millisecond, lag: 100 * time.Millisecond}
	with := func(change func(*seen)) []seen {
		other := well
		change(&other)
		return []seen{well, other}
	}
	for name, c := range map[string]struct {
		seen          []seen
		bound         bound
		lost, invalid string
	}{
		"nothing lost":           {seen: []seen{well, well}, bound: nothing},
		"one request":            {seen: with(func(s *seen) { s.failed, s.errors = 1, map[string]int64{"reset": 1} }), bound: nothing, lost: "1 of 1000 requests failed"},
		"as many as may":         {seen: with(func(s *seen) { s.failed = 5 }), bound: bound{failed: 5, gap: time.Second}},
		"a gap":                  {seen: with(func(s *seen) { s.gap = 6 * time.Second }), bound: nothing, lost: "no good answer for 6s, 5s may pass"},
		"a gap of the machine":   {seen: with(func(s *seen) { s.gap, s.lag = 6*time.Second, 3*time.Second }), bound: nothing, lost: "no good answer for 6s", invalid: "the machine stood still"},
		"lost on a slow machine": {seen: with(func(s *seen) { s.failed, s.lag = 1, 3*time.Second }), bound: nothing, lost: "failed", invalid: "the machine stood still"},
		"too much unsent":        {seen: with(func(s *seen) { s.neverSent = 20 }), bound: nothing, invalid: "20 requests were never sent"},
		"no traffic":             {seen: with(func(s *seen) { s.requests = 0 }), bound: nothing, invalid: "nothing was sent"},
	} {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			lost, invalid := c.bound.judge(c.seen)
			for text, got := range map[string][]string{c.lost: lost, c.invalid: invalid} {
				if text != "" {
					g.Expect(got).To(gomega.ConsistOf(gomega.ContainSubstring(text)))
				}
			}
			g.Expect(len(lost) > 0).To(gomega.Equal(c.lost != ""), "%v", lost)
			g.Expect(len(invalid) > 0).To(gomega.Equal(c.invalid != ""), "%v", invalid)
		})
	}
}
