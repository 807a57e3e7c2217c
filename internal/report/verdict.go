package report

import (
	"fmt"
	"strings"

	"istio-conformance/internal/exitcode"
)

// Verdict is the outcome of a run or of a measurement.
type Verdict string

// The verdicts; of several that apply to a run the first of error, fail,
// invalid, pass counts.
const (
	VerdictPass Verdict = "pass"
	VerdictFail Verdict = "fail"
	// VerdictInvalid means that a measurement was invalid or inconclusive.
	VerdictInvalid Verdict = "invalid"
	// VerdictError means that the run says nothing about the system under test.
	VerdictError Verdict = "error"
	// VerdictInconclusive is a measurement's only; a run that holds one is invalid.
	VerdictInconclusive Verdict = "inconclusive"
)

// ExitStatus returns the process's exit status for the run's verdict. onError is
// the status of VerdictError, which depends on its cause: exitcode.Usage or
// exitcode.Environment; anything else counts as exitcode.Environment.
func (v Verdict) ExitStatus(onError int) int {
	switch v {
	case VerdictPass:
		return exitcode.Pass
	case VerdictFail:
		return exitcode.Fail
	case VerdictInvalid, VerdictInconclusive:
		return exitcode.Invalid
	}
	if onError == exitcode.Usage {
		return exitcode.Usage
	}
	return exitcode.Environment
}

// derive returns the verdict that the report's content stands for.
func derive(r *Report) Verdict {
	verdict := VerdictPass
	if r.Error != nil || emptiness(r) != "" {
		return VerdictError
	}
	for _, l := range r.Load {
		switch l.Verdict {
		case VerdictPass:
		case VerdictFail:
			return VerdictFail
		default:
			verdict = VerdictInvalid
		}
	}
	for i, u := range r.Upgrade {
		switch u.Verdict {
		case VerdictPass:
		case VerdictInvalid:
			if !Replaced(r.Upgrade, i) {
				verdict = VerdictInvalid
			}
		default:
			return VerdictFail
		}
	}
	if tally(r.Tests).failed > 0 || r.OverBudget() != "" {
		return VerdictFail
	}
	return verdict
}

// emptiness says why the report proves nothing, or returns "" when it does.
func emptiness(r *Report) string {
	n := tally(r.Tests)
	switch {
	case n.total > n.skipped || len(r.Load)+len(r.Upgrade) > 0:
		return ""
	case n.total == 0:
		return "no check was run"
	default:
		return fmt.Sprintf("no check was run: %d of %d were skipped", n.skipped, n.total)
	}
}

// counts are how many tests have which status.
type counts struct {
	total, passed, failed, flaky, skipped int
}

func tally(tests []Test) counts {
	n := counts{total: len(tests)}
	for _, t := range tests {
		switch t.Status {
		case Pass:
			n.passed++
		case Flaky:
			n.flaky++
		case Skip:
			n.skipped++
		default:
			n.failed++
		}
	}
	return n
}

// String returns e.g. "14 checks: 11 passed, 1 failed, 2 skipped".
func (n counts) String() string {
	parts := []string{fmt.Sprintf("%s: %d passed", plural(n.total, "check"), n.passed)}
	for _, part := range []struct {
		n    int
		word string
	}{{n.failed, "failed"}, {n.flaky, "flaky"}, {n.skipped, "skipped"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.word))
		}
	}
	return strings.Join(parts, ", ")
}
