package openloop

import (
	"fmt"
	"math"
	"time"
)

// Limits decide whether a run is a measurement of the system under test.
type Limits struct {
	// LagShare is how much of a quantile of the response time the generator's
	// own lateness may be.
	LagShare float64 `json:"lagShare"`
	// LagFloorMicros is the lateness, in microseconds, that is always allowed:
	// below it no difference is measured anyway.
	LagFloorMicros float64 `json:"lagFloorMicros"`
	// HeldShare is the least share of the planned requests that is sent and
	// answered in time.
	HeldShare float64 `json:"heldShare"`
	// TailSamples is how many answers must lie beyond a quantile.
	TailSamples float64 `json:"tailSamples"`
	// StealShare is how many of the answers beyond a quantile may be late because the
	// hypervisor took the CPU: it may take that part of the share 1-q of the time.
	StealShare float64 `json:"stealShare"`
	// LossOnly asks whether requests were lost, and not how soon they were answered:
	// nothing that makes latencies doubtful makes the run invalid.
	LossOnly bool `json:"-"`
}

// DefaultLimits are explained in fixtures/load.yaml, which repeats them.
func DefaultLimits() Limits {
	return Limits{LagShare: 0.1, LagFloorMicros: 50, HeldShare: 0.99, TailSamples: 100, StealShare: 0.2}
}

// unheld says that the path did not hold the rate, "" when it did. That is no
// fault of the measurement: response times count from the schedule, so those of
// the requests that were sent show it. When the generator was to blame, its own
// lateness makes the run invalid as well.
func (l *Limits) unheld(r *Result) string {
	if n := r.Counts.Overflow; n > 0 {
		return fmt.Sprintf("%d of %d requests were never sent: too many before them had no answer", n, r.Counts.Planned)
	}
	if held := r.HeldRate() * r.Seconds / float64(r.Counts.Planned); held < l.HeldShare {
		return fmt.Sprintf("the rate was not held: only %.1f%% of the requests were sent and answered in time", 100*held)
	}
	return ""
}

// judge returns what makes the whole run invalid.
func (l *Limits) judge(r *Result) []string {
	reasons := append([]string{}, r.Invalid...)
	add := func(format string, args ...any) { reasons = append(reasons, fmt.Sprintf(format, args...)) }
	if missing := r.Counts.Planned - r.Counts.OK - r.Counts.Failed - r.Counts.Overflow; missing != 0 {
		add("%d of %d requests are not accounted for", missing, r.Counts.Planned)
	}
	if n := r.Errors[ClassGenerator] + r.WarmupErrors[ClassGenerator]; n > 0 {
		add("the generator itself failed %d times: it ran out of local ports or descriptors", n)
	}
	if l.LossOnly {
		return reasons
	}
	if n := r.Response.clipped; n > 0 {
		add("%d answers took longer than the histogram holds", n)
	}
	for _, c := range r.Counters {
		if problem := c.problem(); problem != "" {
			reasons = append(reasons, problem)
		}
	}
	if problem := l.Quantile(r, 0.5); problem != "" {
		reasons = append(reasons, problem)
	}
	return reasons
}

// Quantile returns why the quantile q of the response time cannot be believed,
// "" when it can. The generator's own lateness may distort at most half of the
// answers beyond the quantile by more than its share, the hypervisor StealShare of them.
func (l *Limits) Quantile(r *Result, q float64) string {
	need := math.Ceil(l.TailSamples/(1-q) - 1e-9)
	if n := r.Response.Count(); float64(n) < need {
		return fmt.Sprintf("%s needs %.0f answers, there are %d", quantileName(q), need, n)
	}
	if most := l.StealShare * (1 - q); r.Machine.Steal > most+1e-9 {
		return fmt.Sprintf("the hypervisor took %.1f%% of the CPU time, at most %.2g%% is allowed for %s", 100*r.Machine.Steal, 100*most, quantileName(q))
	}
	response := r.Response.Quantile(q)
	at := (1 + q) / 2
	own := r.OwnLag.Quantile(at)
	allowed := max(l.LagShare*float64(response), l.LagFloorMicros*1e3)
	if float64(own) > allowed {
		return fmt.Sprintf("the generator itself was late: its send lag at %s is %s, %s of the answers is %s, so at most %s is allowed",
			quantileName(at), short(own), quantileName(q), short(response), short(time.Duration(allowed)))
	}
	return ""
}

// quantileName returns the usual name, such as p99.9.
func quantileName(q float64) string { return fmt.Sprintf("p%.6g", q*100) }

// short rounds a duration to three digits or so.
func short(d time.Duration) time.Duration {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond)
	default:
		return d.Round(100 * time.Nanosecond)
	}
}
