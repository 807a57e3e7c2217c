package corpus

import (
	"slices"
	"strings"
	"time"

	"istio-conformance/internal/evidence/diagnose"
)

// Score is what an answer is worth.
type Score int

// The scores. NoResult is no answer but a report whose bite was not seen.
const (
	False     Score = -1
	Silent    Score = 0
	Causeless Score = 1
	Right     Score = 2
	NoResult  Score = -2
)

// String is the score in words.
func (s Score) String() string {
	return map[Score]string{False: "false cause", Silent: "silent", Causeless: "no cause", Right: "right cause", NoResult: "no bite"}[s]
}

// Result is what became of one report.
type Result struct {
	Report string `json:"report"`
	Known  bool   `json:"known"`
	Said   bool   `json:"said,omitempty"`
	Score  Score  `json:"score"`
	// Named are the causes that were named, False those of them that are not true.
	Named []string `json:"named,omitempty"`
	False []string `json:"false,omitempty"`
	// Why says what is wrong where the score is not Right.
	Why string `json:"why,omitempty"`
	// Played is when, Seconds how long it took with undoing.
	Played  time.Time `json:"played"`
	Seconds int       `json:"seconds"`
}

// Judge scores a diagnosis against the truth. A cause is a finding that follows from no
// other one; a fault among them that is neither right nor true beside it is false, and
// so is whatever the truth calls false.
func (t Truth) Judge(d *diagnose.Diagnosis) Result {
	r := Result{Score: Silent, Why: "nothing was found"}
	right := false
	for i := range d.Findings {
		f := &d.Findings[i]
		name := f.Symptom.Name
		if slices.Contains(t.False, name) {
			r.False = append(r.False, name)
		}
		if f.Follows != "" {
			continue
		}
		r.Named = append(r.Named, name)
		switch {
		case slices.Contains(t.Right, name):
			if missing := t.unsaid(f.Cause()); missing == "" {
				right = true
			} else {
				r.Score, r.Why = max(r.Score, Causeless), name+" does not say "+missing
			}
		case slices.Contains(t.Beside, name):
			if r.Score < Causeless {
				r.Score, r.Why = Causeless, "only what is true beside the cause"
			}
		case f.Symptom.Severity == diagnose.Fault && !slices.Contains(r.False, name):
			r.False = append(r.False, name)
		}
	}
	if len(d.Unexplained) > 0 && r.Score < Causeless {
		r.Score, r.Why = Causeless, "an error was said that no symptom explains"
	}
	if right {
		r.Score, r.Why = Right, ""
	}
	if len(r.False) > 0 {
		r.Score, r.Why = False, "not true: "+strings.Join(r.False, ", ")
	}
	return r
}

// unsaid returns the first of the words that a cause lacks.
func (t Truth) unsaid(cause string) string {
	for _, words := range t.Says {
		if !strings.Contains(cause, words) {
			return words
		}
	}
	return ""
}
