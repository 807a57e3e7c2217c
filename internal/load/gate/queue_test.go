package gate

import (
	"context"
	"strings"
	"testing"
	"time"

	"istio-conformance/internal/load"
	"istio-conformance/internal/report"
)

// busy spoils every block: the machine's two CPUs are that busy.
func busy(share float64) func(int, *load.Result) {
	return func(_ int, r *load.Result) { r.Machine = load.Machine{CPUs: 2, Busy: share} }
}

// What the wait for a CPU explains is no failure of the gateway, and a pass stands.
func TestQueueForTheCPUs(t *testing.T) {
	slow := map[string]time.Duration{"old": ms, "new": 4 * ms}
	for name, c := range map[string]struct {
		latency map[string]time.Duration
		noise   float64
		spoil   func(int, *load.Result)
		verdict report.Verdict
		reason  string
	}{
		"no queue at p50":             {slow, 0.01, busy(0.5), report.VerdictFail, "p50"},
		"a queue at p50":              {slow, 0.01, busy(0.9), report.VerdictInconclusive, "2 CPUs were 90 % busy, so that about 85 % of the requests wait"},
		"a queue on a coarse machine": {map[string]time.Duration{"old": ms, "new": 20 * ms}, 0.4, busy(0.9), report.VerdictInconclusive, "90 % busy"},
		"a pass in spite of a queue":  {map[string]time.Duration{"old": ms, "new": 1300 * time.Microsecond}, 0.01, busy(0.9), report.VerdictPass, ""},
		"answers that came too late": {map[string]time.Duration{"old": ms, "new": ms}, 0.01, func(n int, r *load.Result) {
			if busy(0.95)(n, r); r.Name == "new" {
				r.Counts.Overflow, r.Unheld = 100, "100 of 20000 requests were never sent"
			}
		}, report.VerdictInvalid, "95 % busy"},
		"an error status": {map[string]time.Duration{"old": ms, "new": ms}, 0.01, func(n int, r *load.Result) {
			if busy(0.95)(n, r); r.Name == "new" {
				r.Counts.Failed, r.Errors["http 503 UF"] = 1, 1
			}
		}, report.VerdictFail, "503 UF"},
	} {
		got := compare(t, &machine{noise: c.noise, latency: c.latency, spoil: c.spoil}, func(p *Plan) { p.Kind = Added })
		if got.Verdict != c.verdict || !strings.Contains(strings.Join(got.Reasons, "\n"), c.reason) {
			t.Errorf("%s: want %s because of %q\n%v", name, c.verdict, c.reason, got)
		}
	}
}

// Where the queue may be to blame, the lower rate decides, and nothing else.
func TestLowerRate(t *testing.T) {
	low := load.Schedule{Rate: 300, Duration: 10 * time.Second}
	for name, c := range map[string]struct {
		atLow   time.Duration
		verdict report.Verdict
	}{
		"only the queue was slow":    {1300 * time.Microsecond, report.VerdictPass},
		"the gateway is slow itself": {4 * ms, report.VerdictFail},
	} {
		m := &machine{noise: 0.01, latency: map[string]time.Duration{"old": ms, "new": 4 * ms}}
		got := compare(t, m, func(p *Plan) {
			p.Kind, p.Low = Added, low
			p.Measure = func(ctx context.Context, config load.Config) (*load.Result, error) {
				share := 0.9
				if config.Schedule == low {
					share, m.latency["new"] = 0.2, c.atLow
				}
				m.spoil = busy(share)
				return m.measure(ctx, config)
			}
		})
		if got.Verdict != c.verdict || got.Rate != low.Rate || got.BlockSeconds != 10 || len(got.Rounds) != 10 || got.Extended {
			t.Errorf("%s: want %s at %v requests/s\n%v", name, c.verdict, low.Rate, got)
		}
		if got.Earlier == nil || got.Earlier.Rate != 1000 || len(got.Earlier.Rounds) != 10 {
			t.Fatalf("%s: the comparison at the first rate is missing\n%v", name, got)
		}
		if notes := strings.Join(got.Report().Notes, "\n"); !strings.Contains(notes, "before, at 1000 requests/s, it was inconclusive: p50") {
			t.Errorf("%s: notes %s", name, notes)
		}
	}
	quick := compare(t, &machine{noise: 0.01, latency: map[string]time.Duration{"old": ms, "new": 4 * ms}}, func(p *Plan) { p.Kind, p.Low = Added, low })
	if quick.Verdict != report.VerdictFail || quick.Earlier != nil {
		t.Errorf("without a queue the first rate decides: %v", quick)
	}
}
