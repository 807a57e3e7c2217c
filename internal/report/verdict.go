package report

import (
	"fmt"
	"slices"
	"strings"

	"istio-conformance/internal/process/exitcode"
)

// Verdict is the outcome of a run or of a measurement.
type Verdict string

// The verdicts; of several that apply to a run the first of error, fail,
// invalid, pass counts.
const (
	VerdictPass Verdict = "pass"
	VerdictFail Verdict = "fail"
	// VerdictInvalid means that a measurement that the verdict depends on was invalid or
	// inconclusive: an upgrade, or a latency that is required.
	VerdictInvalid Verdict = "invalid"
	// VerdictError means that the run says nothing about the system under test.
	VerdictError Verdict = "error"
	// VerdictInconclusive is a measurement's only; to a run it is what an invalid one is.
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
		switch {
		case l.Verdict == VerdictPass, r.Excuses(l):
		case l.Verdict == VerdictFail:
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
	if verdict == VerdictPass && unrecorded(r) {
		return VerdictInvalid
	}
	return verdict
}

// unrecorded says that a check could not measure, and that no measurement of the report
// says so: nobody could read from it what was not judged.
func unrecorded(r *Report) bool {
	return slices.ContainsFunc(r.Tests, func(t Test) bool { return t.Unmeasured }) &&
		!slices.ContainsFunc(r.Load, Load.undecided) &&
		!slices.ContainsFunc(r.Upgrade, func(u Upgrade) bool { return u.Verdict == VerdictInvalid })
}

// emptiness says why the report proves nothing, or returns "" when it does.
func emptiness(r *Report) string {
	n, measured := tally(r.Tests), len(r.Upgrade)
	for _, l := range r.Load {
		if !r.Excuses(l) {
			measured++
		}
	}
	switch {
	case n.total > n.skipped || measured > 0:
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
