package gate

import (
	"strings"
	"testing"
	"time"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/report"
	"istio-conformance/internal/traffic/openloop"
)

func TestVerdicts(t *testing.T) {
	for name, c := range map[string]struct {
		machine  machine
		change   func(*Plan)
		verdict  report.Verdict
		reason   string
		extended bool
		status   int
	}{
		"equal paths pass": {
			machine: machine{noise: 0.01, latency: map[string]time.Duration{"old": ms, "new": ms}},
			verdict: report.VerdictPass, status: exitcode.Pass,
		},
		"a faster candidate passes": {
			machine: machine{noise: 0.01, latency: map[string]time.Duration{"old": 2 * ms, "new": ms}},
			verdict: report.VerdictPass, status: exitcode.Pass,
		},
		"15 percent more fail": {
			machine: machine{noise: 0.01, latency: map[string]time.Duration{"old": ms, "new": 1150 * time.Microsecond}},
			verdict: report.VerdictFail, reason: "p50", status: exitcode.Fail,
		},
		"an increase below the floor passes": {
			machine: machine{noise: 0.01, latency: map[string]time.Duration{"old": 100 * time.Microsecond, "new": 130 * time.Microsecond}},
			verdict: report.VerdictPass, status: exitcode.Pass,
		},
		"what is exactly at the margin stays undecided": {
			machine: machine{noise: 0.005, latency: map[string]time.Duration{"old": 2 * ms, "new": 2100 * time.Microsecond}},
			verdict: report.VerdictInconclusive, reason: "p50", extended: true, status: exitcode.Invalid,
		},
		"a machine that differs from itself carries no verdict": {
			machine: machine{noise: 1, latency: map[string]time.Duration{"old": ms, "new": 2 * ms}},
			verdict: report.VerdictInvalid, reason: "no quantile can carry a verdict", extended: true, status: exitcode.Invalid,
		},
		"what is worse by more than such a machine hides fails there too": {
			machine: machine{noise: 0.3, latency: map[string]time.Duration{"old": ms, "new": 6 * ms}},
			verdict: report.VerdictFail, reason: "p50", status: exitcode.Fail,
		},
		"and so does what adds far more than the ceiling": {
			machine: machine{noise: 0.4, latency: map[string]time.Duration{"old": ms, "new": 20 * ms}},
			change:  func(p *Plan) { p.Kind = Added }, verdict: report.VerdictFail, reason: "2000 us may be added", status: exitcode.Fail,
		},
		"a failed request of the candidate fails": {
			machine: machine{noise: 0.01, latency: map[string]time.Duration{"old": ms, "new": ms}, spoil: func(_ int, r *openloop.Result) {
				if r.Name == "new" {
					r.Counts.Failed, r.Errors["http 503 UF"] = 1, 1
				}
			}},
			verdict: report.VerdictFail, reason: "the candidate new failed 20 of 400000 requests: 20 http 503 UF", status: exitcode.Fail,
		},
		"a failed request of the baseline is no measurement": {
			machine: machine{noise: 0.01, latency: map[string]time.Duration{"old": ms, "new": 3 * ms}, spoil: func(n int, r *openloop.Result) {
				if r.Name == "old" && n < 3 {
					r.Counts.Failed, r.Errors["reset"] = 1, 1
				}
			}},
			verdict: report.VerdictInvalid, reason: "the baseline old failed", status: exitcode.Invalid,
		},
		"failures of the backend behind both are no measurement": {
			machine: machine{noise: 0.01, latency: map[string]time.Duration{"old": ms, "new": ms}, spoil: func(_ int, r *openloop.Result) {
				r.Counts.Failed, r.Errors["reset"] = 3, 3
			}},
			verdict: report.VerdictInvalid, reason: "the candidate new failed", status: exitcode.Invalid,
		},
		"time-outs of a generator that was late are no failures": {
			machine: machine{noise: 0.01, latency: map[string]time.Duration{"old": ms, "new": ms}, spoil: func(_ int, r *openloop.Result) {
				r.Counts.Failed, r.Errors[openloop.ClassTimeout], r.Invalid = 3, 3, []string{"the generator itself was late"}
			}},
			change:  func(p *Plan) { p.Within = 100 * ms },
			verdict: report.VerdictInvalid, reason: "rounds could be used", status: exitcode.Invalid,
		},
		"a machine that stands still is no failure of the candidate": {
			machine: machine{noise: 0.01, latency: map[string]time.Duration{"old": ms, "new": ms}, spoil: func(_ int, r *openloop.Result) {
				if r.Name == "new" {
					r.Counts.Overflow, r.Errors[openloop.ClassTimeout] = 900, 8
					r.Counts.Failed = 8
				} else {
					r.Invalid = []string{"the hypervisor took 19.8% of the CPU time"}
				}
			}},
			change:  func(p *Plan) { p.Within = 100 * ms },
			verdict: report.VerdictInvalid, reason: "rounds could be used", status: exitcode.Invalid,
		},
		"a candidate that does not hold the rate fails": {
			machine: machine{noise: 0.01, latency: map[string]time.Duration{"old": ms, "new": ms}, spoil: func(_ int, r *openloop.Result) {
				if r.Name == "new" {
					r.Counts.Overflow, r.Unheld = 100, "100 of 20000 requests were never sent"
				}
			}},
			verdict: report.VerdictFail, reason: "never sent", status: exitcode.Fail,
		},
		"a ceiling that the machine cannot resolve is reported only": {
			machine: machine{noise: 0.7, latency: map[string]time.Duration{"old": 4 * ms, "new": 4 * ms}},
			change:  func(p *Plan) { p.Kind = Added }, verdict: report.VerdictInvalid, reason: "no quantile can carry a verdict", extended: true, status: exitcode.Invalid,
		},
		"added latency below the ceiling passes": {
			machine: machine{noise: 0.01, latency: map[string]time.Duration{"old": ms, "new": 1500 * time.Microsecond}},
			change:  func(p *Plan) { p.Kind = Added }, verdict: report.VerdictPass, status: exitcode.Pass,
		},
		"added latency above the ceiling fails": {
			machine: machine{noise: 0.01, latency: map[string]time.Duration{"old": ms, "new": 4 * ms}},
			change:  func(p *Plan) { p.Kind = Added }, verdict: report.VerdictFail, reason: "2000 us may be added", status: exitcode.Fail,
		},
	} {
		got := compare(t, &c.machine, c.change)
		if got.Verdict != c.verdict || (got.Looks > 1) != c.extended || exitcode.Of(got.Err()) != c.status {
			t.Errorf("%s: got %s, looks %d, %v\n%v", name, got.Verdict, got.Looks, got.Err(), got)
		}
		if !strings.Contains(strings.Join(got.Reasons, "\n"), c.reason) || (c.verdict == report.VerdictPass) != (len(got.Reasons) == 0) {
			t.Errorf("%s: reasons %q, want %q", name, got.Reasons, c.reason)
		}
	}
}
