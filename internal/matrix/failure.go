package matrix

import (
	"fmt"

	"istio-conformance/internal/report"
)

// Failure is a check or a measurement of a cell that failed.
type Failure struct {
	// Check is suite/name, load/name or upgrade/journey.
	Check string `json:"check"`
	// Message is the failure in one line; Cause and Fix are empty where nothing is
	// known of them.
	Message string `json:"message"`
	Cause   string `json:"cause,omitempty"`
	Fix     string `json:"fix,omitempty"`
}

// failuresOf lists what failed: the checks, then the measurements.
func failuresOf(r *report.Report) []Failure {
	var all []Failure
	for _, t := range r.Tests {
		if t.Status == report.Fail {
			all = append(all, Failure{Check: t.ID(), Message: t.Headline(), Cause: t.Diagnosis.Cause, Fix: t.Diagnosis.Fix})
		}
	}
	for _, l := range r.Load {
		if l.Verdict == report.VerdictFail {
			all = append(all, Failure{Check: l.ID(), Message: l.Note()})
		}
	}
	for _, u := range r.Upgrade {
		if u.Verdict == report.VerdictFail {
			all = append(all, Failure{Check: "upgrade/" + u.Journey, Message: u.Note()})
		}
	}
	return all
}

// whyInvalid is why a report is invalid, in one line: an upgrade goes before a latency.
func whyInvalid(r *report.Report) string {
	for i, u := range r.Upgrade {
		if u.Verdict == report.VerdictInvalid && !report.Replaced(r.Upgrade, i) {
			return "upgrade/" + u.Journey + ": " + u.Note()
		}
	}
	if r.RequiresLatency() && len(r.Unjudged) > 0 {
		return "latency is required and was not judged: " + r.Unjudged[0].String()
	}
	return "a measurement was invalid or inconclusive"
}

// reason is why a report that fails does, in one line.
func reason(r *report.Report) string {
	all := failuresOf(r)
	switch {
	case len(all) == 0 && r.OverBudget() != "":
		return r.OverBudget()
	case len(all) == 0:
		return "its report names nothing that failed"
	}
	first := all[0]
	why := first.Cause
	if why == "" {
		why = first.Message
	}
	if len(all) == 1 {
		return first.Check + ": " + why
	}
	return fmt.Sprintf("%s: %s; and %d more", first.Check, why, len(all)-1)
}
