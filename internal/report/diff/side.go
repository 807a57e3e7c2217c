package diff

import (
	"fmt"

	"istio-conformance/internal/report"
)

// Side is one of the reports.
type Side struct {
	Run     string         `json:"run"`
	Verdict report.Verdict `json:"verdict"`
	Checks  int            `json:"checks"`
	// Unjudged are the measurements of latency that decided nothing.
	Unjudged []report.Unjudged `json:"unjudged,omitempty"`
}

// String is the run with its verdict, as people read it.
func (s Side) String() string {
	if s.Verdict == report.VerdictPass && len(s.Unjudged) > 0 {
		return fmt.Sprintf("%s (%s, %s)", s.Run, s.Verdict, report.NotJudged)
	}
	return fmt.Sprintf("%s (%s)", s.Run, s.Verdict)
}

func side(r *report.Report) Side {
	return Side{Run: r.Run, Verdict: r.Verdict, Checks: len(r.Tests), Unjudged: r.Unjudged}
}
