package report

import (
	"fmt"
	"strings"
)

// loadNote is a latency comparison in one line.
func loadNote(l Load) string {
	parts := []string{fmt.Sprintf("%g requests/s", l.Rate), plural(l.Errors, "error")}
	for _, c := range l.Capacity {
		if c.KneeRate == 0 {
			parts = append(parts, fmt.Sprintf("the highest rate of %s on %s was not found", c.Path, plural(c.Connections, "connection")))
			continue
		}
		parts = append(parts, fmt.Sprintf("%s holds %g requests/s on %s", c.Path, c.KneeRate, plural(c.Connections, "connection")))
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

func upgradeName(u Upgrade) string {
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

// upgradeNote is an upgrade's traffic in one line, and why it did not pass.
func upgradeNote(u Upgrade) string {
	note := fmt.Sprintf("%d of %s failed, longest gap %.0f ms", u.Failed, plural(u.Requests, "request"), u.LongestGapMillis)
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
		note += "; " + oneLine(u.Reasons[0])
	}
	return note
}

// headline is a failure in one line: gomega's first line alone says only "Expected".
func headline(t Test) string {
	for _, message := range append(t.Failures[:len(t.Failures):len(t.Failures)], t.Reason, t.Description) {
		if s := oneLine(message); s != "" {
			return truncate(s, 160)
		}
	}
	return "failed"
}
