package report

import (
	"fmt"
	"slices"
	"strings"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/report/wording"
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

// Derive returns the verdict that the report's content stands for.
func Derive(r *Report) Verdict {
	verdict := VerdictPass
	if r.Error != nil || Emptiness(r) != "" {
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
	if Count(r.Tests).Failed > 0 || r.OverBudget() != "" {
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

// Emptiness says why the report proves nothing, or returns "" when it does.
func Emptiness(r *Report) string {
	n, measured := Count(r.Tests), len(r.Upgrade)
	for _, l := range r.Load {
		if !r.Excuses(l) {
			measured++
		}
	}
	switch {
	case n.Total > n.Skipped || measured > 0:
		return ""
	case n.Total == 0:
		return "no check was run"
	default:
		return fmt.Sprintf("no check was run: %d of %d were skipped", n.Skipped, n.Total)
	}
}

// Counts are how many tests have which status.
type Counts struct{ Total, Passed, Failed, Flaky, Skipped int }

// Count returns how many of the tests have which status.
func Count(tests []Test) Counts {
	n := Counts{Total: len(tests)}
	for _, t := range tests {
		switch t.Status {
		case Pass:
			n.Passed++
		case Flaky:
			n.Flaky++
		case Skip:
			n.Skipped++
		default:
			n.Failed++
		}
	}
	return n
}

// String returns e.g. "14 checks: 11 passed, 1 failed, 2 skipped".
func (n Counts) String() string {
	parts := []string{fmt.Sprintf("%s: %d passed", wording.Plural(n.Total, "check"), n.Passed)}
	for _, part := range []struct {
		n    int
		word string
	}{{n.Failed, "failed"}, {n.Flaky, "flaky"}, {n.Skipped, "skipped"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.word))
		}
	}
	return strings.Join(parts, ", ")
}
