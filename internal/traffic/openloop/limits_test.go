package openloop

import (
	"strings"
	"testing"
	"time"
)

// good is a result that nothing is wrong with.
func good() *Result {
	r := &Result{Rate: 1000, Seconds: 20, Errors: map[string]int64{}, Latencies: NewLatencies(), Counts: Counts{Planned: 20000, OK: 20000}}
	for range 20000 {
		r.Response.Record(time.Millisecond)
		r.OwnLag.Record(20 * time.Microsecond)
	}
	return r
}

func TestLimitsJudge(t *testing.T) {
	for want, change := range map[string]func(*Result){
		"": func(*Result) {},
		"5 of 20000 requests are not accounted for":      func(r *Result) { r.Counts.OK -= 5 },
		"the generator itself failed 3 times":            func(r *Result) { r.Errors[ClassGenerator] = 3 },
		"the hypervisor took 11.0%":                      func(r *Result) { r.Machine.Steal = 0.11 },
		"gateway: nr_throttled rose by 4, at most 0":     func(r *Result) { r.Counters = []CounterReading{{Name: "gateway: nr_throttled", Before: 3, After: 7}} },
		"backend: nr_throttled could not be read: gone":  func(r *Result) { r.Counters = []CounterReading{{Name: "backend: nr_throttled", Error: "gone"}} },
		"1 answers took longer":                          func(r *Result) { r.Response.Record(time.Hour) },
		"the generator itself was late: its send lag at": func(r *Result) { lag(r, 8000, 200*time.Microsecond) },
		"p50 needs 200 answers, there are 0":             func(r *Result) { r.Latencies = NewLatencies() },
	} {
		r := good()
		change(r)
		limits := DefaultLimits()
		got := limits.judge(r)
		if want == "" && len(got) != 0 || want != "" && (len(got) == 0 || !strings.Contains(strings.Join(got, "\n"), want)) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Where it is asked only what was lost, nothing but a request without a trace is doubtful.
func TestLimitsLossOnly(t *testing.T) {
	r := good()
	lag(r, 20000, time.Second)
	r.Machine.Steal = 0.9
	r.Response.Record(time.Hour)
	limits := Limits{LossOnly: true}
	if got := limits.judge(r); len(got) != 0 {
		t.Errorf("got %q", got)
	}
	r.Counts.OK--
	r.Errors[ClassGenerator] = 1
	if got := limits.judge(r); len(got) != 2 {
		t.Errorf("got %q, want 2 reasons", got)
	}
}

// A path that does not hold the rate is no fault of the measurement.
func TestLimitsUnheld(t *testing.T) {
	for want, change := range map[string]func(*Result){
		"":                                     func(r *Result) { r.Counts.Late = 100 },
		"30 of 20000 requests were never sent": func(r *Result) { r.Counts.OK, r.Counts.Overflow = 19970, 30 },
		"only 98.5% of the requests":           func(r *Result) { r.Counts.Late = 300 },
	} {
		r := good()
		change(r)
		limits := DefaultLimits()
		if got := limits.unheld(r); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := limits.judge(r); len(got) != 0 {
			t.Errorf("%q makes the run invalid: %q", want, got)
		}
	}
}

// lag makes n of the 20000 requests late by d.
func lag(r *Result, n int, d time.Duration) {
	r.OwnLag = NewHistogram()
	for i := range 20000 {
		if i < n {
			r.OwnLag.Record(d)
		} else {
			r.OwnLag.Record(0)
		}
	}
}

func TestLimitsQuantile(t *testing.T) {
	limits := DefaultLimits()
	// What the hypervisor takes reaches the far quantiles first.
	for _, c := range []struct {
		steal, q float64
		ok       bool
	}{{0.04, 0.5, true}, {0.04, 0.9, false}, {0.02, 0.9, true}, {0.01, 0.99, false}, {0.12, 0.5, false}, {-1, 0.99, true}} {
		r := good()
		r.Machine.Steal = c.steal
		if problem := limits.Quantile(r, c.q); (problem == "") != c.ok {
			t.Errorf("%v stolen at %v: %q", c.steal, c.q, problem)
		}
	}
	for _, c := range []struct {
		late int
		by   time.Duration
		q    float64
		ok   bool
	}{
		// A tenth of 1 ms is allowed at p75, p95 and p99.5.
		{6000, 150 * time.Microsecond, 0.5, false}, {4000, 150 * time.Microsecond, 0.5, true}, {6000, 90 * time.Microsecond, 0.5, true},
		{4000, 150 * time.Microsecond, 0.9, false}, {900, 150 * time.Microsecond, 0.9, true},
		{150, time.Second, 0.99, false}, {90, time.Second, 0.99, true},
		{0, 0, 0.999, false}, // too few answers
	} {
		r := good()
		lag(r, c.late, c.by)
		if problem := limits.Quantile(r, c.q); (problem == "") != c.ok {
			t.Errorf("%d late by %s at %v: %q", c.late, c.by, c.q, problem)
		}
	}
}
