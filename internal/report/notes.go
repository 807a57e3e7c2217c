package report

import (
	"cmp"
	"fmt"
	"strings"

	"istio-conformance/internal/report/wording"
)

// Note returns the comparison in one line.
func (l Load) Note() string {
	parts := []string{fmt.Sprintf("%g requests/s", l.Rate), wording.Plural(l.Errors, "error")}
	for _, c := range l.Capacity {
		if c.KneeRate == 0 {
			parts = append(parts, fmt.Sprintf("the highest rate of %s on %s was not found", c.Path, wording.Plural(c.Connections, "connection")))
			continue
		}
		parts = append(parts, fmt.Sprintf("%s holds %g requests/s on %s", c.Path, c.KneeRate, wording.Plural(c.Connections, "connection")))
	}
	for _, q := range l.Quantiles {
		if l.Kind == "added" {
			parts = append(parts, addedNote(q))
			continue
		}
		s := fmt.Sprintf("p%g ratio %.2f", 100*q.Q, q.Ratio)
		if q.HasInterval() {
			s += fmt.Sprintf(" [%.2f, %.2f]", q.CILow, q.CIHigh)
		}
		if q.Limit > 0 {
			s += fmt.Sprintf(", limit %.2f", q.Limit)
		}
		parts = append(parts, s)
	}
	if len(l.Reasons) > 0 {
		parts = append(parts, l.Reasons[0])
	}
	return strings.Join(parts, "; ")
}

// Title names the upgrade, with its repetition where it has one.
func (u Upgrade) Title() string {
	if u.Journey == "" {
		return fmt.Sprintf("upgrade/%s-to-%s", u.From, u.To)
	}
	return fmt.Sprintf("%s #%d", journeyName(u), u.Repetition)
}

// journeyName is the name that all repetitions of a journey have in common.
func journeyName(u Upgrade) string {
	return fmt.Sprintf("upgrade/%s-to-%s %s, %s values", u.From, u.To, u.Journey, u.Values)
}

// addedNote says what the candidate adds at one quantile, with the interval where enough
// rounds were measured for one.
func addedNote(q Quantile) string {
	s := fmt.Sprintf("p%g %+.0f us", 100*q.Q, q.AddedMicros)
	if q.HasAddedInterval() {
		s += fmt.Sprintf(" [%.0f, %.0f]", q.AddedLowMicros, q.AddedHighMicros)
	}
	if q.LimitMicros > 0 {
		return s + fmt.Sprintf(", limit %.0f", q.LimitMicros)
	}
	return s + ", only reported"
}

// Note returns the upgrade's traffic in one line, and why it did not pass.
func (u Upgrade) Note() string {
	note := fmt.Sprintf("%d of %s failed, longest gap %.0f ms", u.Failed, wording.Plural(u.Requests, "request"), u.LongestGapMillis)
	switch {
	case u.Budget > 0 && u.Budget >= u.Requests:
		note += ", all may fail"
	case u.Budget > 0:
		note += fmt.Sprintf(", %d may fail", u.Budget)
	}
	if u.Forced {
		note += ", FORCED although the path is not supported"
	}
	if u.Again {
		note += ", made again"
	}
	if len(u.Reasons) > 0 {
		note += "; " + wording.OneLine(u.Reasons[0])
	}
	return note
}

// Headline returns a failure in one line: gomega's first line alone says only "Expected".
func (t Test) Headline() string {
	for _, message := range append(t.Failures[:len(t.Failures):len(t.Failures)], t.Reason, t.Description) {
		if s := wording.OneLine(message); s != "" {
			return wording.Truncate(s, 160)
		}
	}
	return "failed"
}

// Describe returns the environment in one line, without what is not known.
func (e Environment) Describe() string {
	if e.Istio == "" && e.Kubernetes == "" {
		return ""
	}
	s := fmt.Sprintf("Istio %s on Kubernetes %s", cmp.Or(e.Istio, "?"), cmp.Or(e.Kubernetes, "?"))
	var more []string
	add := func(known bool, format string, args ...any) {
		if known {
			more = append(more, fmt.Sprintf(format, args...))
		}
	}
	add(e.Nodes > 0, "%s", wording.Plural(e.Nodes, "node"))
	add(e.CPUs > 0, "%s", wording.Plural(e.CPUs, "CPU"))
	add(e.Images != "", "images: %s", e.Images)
	add(e.Helm != "", "Helm %s", e.Helm)
	add(e.Proxy.Version != "", "Envoy %s", e.Proxy.Version)
	add(e.Kernel != "", "kernel %s", e.Kernel)
	add(e.Cgroup != "", "cgroup %s", e.Cgroup)
	if len(more) == 0 {
		return s
	}
	return s + " (" + strings.Join(more, ", ") + ")"
}

// Stopped returns a heading for the run's error, which must be there.
func (r *Report) Stopped() string {
	switch {
	case r.Error.Phase == SuitesPhase:
		return "the checks did not run as planned"
	case len(r.Tests) == 0:
		return "set-up failed in phase " + r.Error.Phase
	default:
		return "the run failed in phase " + r.Error.Phase
	}
}

// FailedPhase is the phase that the report's error names, or none.
func (r *Report) FailedPhase() PhaseTime {
	for _, p := range r.Phases {
		if r.Error != nil && p.Name == r.Error.Phase {
			return p
		}
	}
	return PhaseTime{}
}

// SkipMark tells what could not be judged apart from what was not asked.
func (t Test) SkipMark() string {
	if t.Unmeasured {
		return wording.MarkWarn
	}
	return wording.MarkSkip
}
