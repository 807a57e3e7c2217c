package gate

import (
	"slices"
	"strings"
	"testing"
	"time"

	"istio-conformance/internal/report"
	"istio-conformance/internal/traffic/openloop"
)

// busy spoils every block: the machine's two CPUs are that busy.
func busy(share float64) func(int, *openloop.Result) {
	return func(_ int, r *openloop.Result) { r.Machine = openloop.Machine{CPUs: 2, Busy: share} }
}

// What the wait for a CPU explains is no failure of the gateway, and a pass stands.
func TestQueueForTheCPUs(t *testing.T) {
	slow := map[string]time.Duration{"old": ms, "new": 4 * ms}
	for name, c := range map[string]struct {
		latency map[string]time.Duration
		noise   float64
		spoil   func(int, *openloop.Result)
		verdict report.Verdict
		reason  string
	}{
		"no queue at p50":             {slow, 0.01, busy(0.5), report.VerdictFail, "p50"},
		"a queue at p50":              {slow, 0.01, busy(0.9), report.VerdictInconclusive, "2 CPUs were 90 % busy, so that about 85 % of the requests wait"},
		"a queue on a coarse machine": {map[string]time.Duration{"old": ms, "new": 20 * ms}, 0.4, busy(0.9), report.VerdictInconclusive, "90 % busy"},
		"a pass in spite of a queue":  {map[string]time.Duration{"old": ms, "new": 1300 * time.Microsecond}, 0.01, busy(0.9), report.VerdictPass, ""},
		"answers that came too late": {map[string]time.Duration{"old": ms, "new": ms}, 0.01, func(n int, r *openloop.Result) {
			if busy(0.95)(n, r); r.Name == "new" {
				r.Counts.Overflow, r.Unheld = 100, "100 of 20000 requests were never sent"
			}
		}, report.VerdictInvalid, "95 % busy"},
		"an error status": {map[string]time.Duration{"old": ms, "new": ms}, 0.01, func(n int, r *openloop.Result) {
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

// Two gateways wait in the same queue: their ratio is no matter of it.
func TestQueueIsNoExcuseForTheRatio(t *testing.T) {
	c := compare(t, &machine{noise: 0.01, latency: map[string]time.Duration{"old": ms, "new": 2 * ms}, spoil: busy(0.9)}, nil)
	if c.Verdict != report.VerdictFail {
		t.Errorf("%v", c)
	}
}

// An optional quantile that stays undecided is only reported, one that fails fails.
func TestOptionalQuantile(t *testing.T) {
	for name, c := range map[string]struct {
		spoil   func(int, *openloop.Result)
		verdict report.Verdict
		p90     report.Verdict
	}{
		"a queue at p90":    {busy(0.5), report.VerdictPass, ""},
		"no queue at p90":   {busy(0.1), report.VerdictFail, report.VerdictFail},
		"a queue, unknown":  {busy(-1), report.VerdictFail, report.VerdictFail},
		"p90 is no measure": {func(_ int, r *openloop.Result) { r.Machine.Steal = 0.05 }, report.VerdictPass, ""},
	} {
		// p90 is 1.7 times p50 (see machine): 1.5 ms are added at p50, 2.5 ms at p90.
		latency := map[string]time.Duration{"old": ms, "new": 2500 * time.Microsecond}
		got := compare(t, &machine{noise: 0.01, latency: latency, spoil: c.spoil}, func(p *Plan) {
			p.Kind, p.Rules = Added, p.Rules.With(p.Rules.Profiles["short"])
			p.Rules.Quantiles = slices.Clone(p.Rules.Quantiles)
			p.Rules.Quantiles[1].CeilingMicros = 2200
		})
		if got.Verdict != c.verdict || got.Judgements[1].Verdict != c.p90 || (c.p90 == "") != (got.Judgements[1].Reason != "") {
			t.Errorf("%s: %v", name, got)
		}
	}
}
