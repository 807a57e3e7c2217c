package report

import (
	"fmt"
	"slices"
	"strings"

	"istio-conformance/internal/report/wording"
)

// Latency is the only thing so far that Report.Required can name: every measurement
// of Report.Load must come to a judgement.
const Latency = "latency"

// NotJudged is how people read that a run came to its verdict without its latency.
const NotJudged = "latency not judged"

// Unjudged is a measurement of latency that decided nothing, for reasons of the machine.
type Unjudged struct {
	// Measurement is load/ and the name of the element of Report.Load.
	Measurement string `json:"measurement"`
	// Verdict is VerdictInconclusive or VerdictInvalid.
	Verdict Verdict `json:"verdict"`
	// Reason is the first of the measurement's own, in one line.
	Reason string `json:"reason"`
}

// String is the measurement with the reason, in one line.
func (u Unjudged) String() string { return wording.OneLine(u.Measurement + ": " + u.Reason) }

// ID returns the name by which a check and Report.Unjudged call the measurement.
func (l Load) ID() string { return "load/" + l.Name }

// undecided says that the measurement neither passes nor fails.
func (l Load) undecided() bool {
	return l.Verdict == VerdictInvalid || l.Verdict == VerdictInconclusive
}

// FindUnjudged lists the measurements that decided nothing.
func FindUnjudged(loads []Load) []Unjudged {
	var all []Unjudged
	for _, l := range loads {
		if !l.undecided() {
			continue
		}
		reason := "it gives no reason"
		if len(l.Reasons) > 0 {
			reason = wording.OneLine(l.Reasons[0])
		}
		all = append(all, Unjudged{Measurement: l.ID(), Verdict: l.Verdict, Reason: reason})
	}
	return all
}

// LoadOf returns what the check measured, the last of several times, or nil.
func (r *Report) LoadOf(t Test) *Load {
	for i := range slices.Backward(r.Load) {
		if r.Load[i].ID() == t.ID() {
			return &r.Load[i]
		}
	}
	return nil
}

// RequiresLatency says that the run is invalid when a measurement of latency is.
func (r *Report) RequiresLatency() bool { return slices.Contains(r.Required, Latency) }

// Excuses says that a measurement decided nothing and that the run's verdict does not
// depend on it: it is listed as unjudged, and nobody requires it. Reports from before
// that list have none, and are invalid because of such a measurement.
func (r *Report) Excuses(l Load) bool {
	return l.undecided() && !r.RequiresLatency() &&
		slices.ContainsFunc(r.Unjudged, func(u Unjudged) bool { return u.Measurement == l.ID() })
}

// PassesUnjudged says that the run passes and says nothing about some of its latency.
func (r *Report) PassesUnjudged() bool { return r.Verdict == VerdictPass && len(r.Unjudged) > 0 }

// ShortVerdict is the verdict as people read it, with what was not judged, and with
// what Istio's project says of the versions where it does not support them.
func (r *Report) ShortVerdict() string {
	if r.PassesUnjudged() {
		return r.supported(fmt.Sprintf("%s (%s)", r.Verdict, NotJudged))
	}
	return r.supported(string(r.Verdict))
}

// FullVerdict is ShortVerdict with the first reason: the last line of a run.
func (r *Report) FullVerdict() string {
	if !r.PassesUnjudged() {
		return r.supported(string(r.Verdict))
	}
	why := wording.OneLine(r.Unjudged[0].Reason)
	if more := len(r.Unjudged) - 1; more > 0 {
		why += fmt.Sprintf("; and %s more", wording.Plural(more, "measurement"))
	}
	return r.supported(fmt.Sprintf("%s (%s: %s)", r.Verdict, NotJudged, why))
}

// UnjudgedNote names what was not judged, and what to do about it; empty where all was.
func (r *Report) UnjudgedNote() string {
	if len(r.Unjudged) == 0 {
		return ""
	}
	var names []string
	for _, u := range r.Unjudged {
		if !slices.Contains(names, u.Measurement) {
			names = append(names, u.Measurement)
		}
	}
	return strings.Join(names, ", ") + ". " + r.UnjudgedRemedy()
}

// UnjudgedRemedy says what to do about latency that was not judged, and what it is to
// the run; empty where all was judged.
func (r *Report) UnjudgedRemedy() string {
	const again = "Measure again while nothing else runs on this machine"
	switch {
	case len(r.Unjudged) == 0:
		return ""
	case r.RequiresLatency():
		return "This run requires latency (REQUIRE=latency), so it is no pass. " + again + "."
	}
	return "The verdict does not depend on it. " + again + "; REQUIRE=latency makes such a run invalid."
}
