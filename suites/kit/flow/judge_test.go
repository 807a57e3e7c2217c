package flow

import (
	"testing"
	"time"

	"github.com/onsi/gomega"
)

func TestTrafficIsJudged(t *testing.T) {
	well := Seen{name: "kept", requests: 1000, gap: 300 * time.Millisecond, lag: 100 * time.Millisecond}
	with := func(change func(*Seen)) []Seen {
		other := well
		change(&other)
		return []Seen{well, other}
	}
	for name, c := range map[string]struct {
		seen          []Seen
		bound         Bound
		lost, invalid string
	}{
		"nothing lost":           {seen: []Seen{well, well}, bound: Nothing},
		"one request":            {seen: with(func(s *Seen) { s.failed, s.errors = 1, map[string]int64{"reset": 1} }), bound: Nothing, lost: "1 of 1000 requests failed"},
		"as many as may":         {seen: with(func(s *Seen) { s.failed = 5 }), bound: Bound{Failed: 5, Gap: time.Second}},
		"a gap":                  {seen: with(func(s *Seen) { s.gap = 6 * time.Second }), bound: Nothing, lost: "no good answer for 6s, 5s may pass"},
		"a gap of the machine":   {seen: with(func(s *Seen) { s.gap, s.lag = 6*time.Second, 3*time.Second }), bound: Nothing, lost: "no good answer for 6s", invalid: "the machine stood still"},
		"lost on a slow machine": {seen: with(func(s *Seen) { s.failed, s.lag = 1, 3*time.Second }), bound: Nothing, lost: "failed", invalid: "the machine stood still"},
		"too much unsent":        {seen: with(func(s *Seen) { s.neverSent = 20 }), bound: Nothing, invalid: "20 requests were never sent"},
		"no traffic":             {seen: with(func(s *Seen) { s.requests = 0 }), bound: Nothing, invalid: "nothing was sent"},
	} {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			lost, invalid := c.bound.Judge(c.seen)
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
