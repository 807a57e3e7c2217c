package e2e

import (
	"fmt"
	"io"

	"istio-conformance/internal/check"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/report"
	"istio-conformance/internal/stack/options"
)

// rest leaves out of the plan what passed in the run that is resumed, and says so.
func rest(o *options.Options, plan []check.Suite, out io.Writer) ([]check.Suite, error) {
	if o.Resume == "" {
		return plan, nil
	}
	before, err := report.Read(o.Resume)
	if err != nil {
		return nil, exitcode.Usagef("RESUME: %w", err)
	}
	done := map[string]bool{}
	for _, t := range before.Tests {
		done[t.ID()] = t.Status == report.Pass
	}
	left := check.Rest(plan, done)
	if check.Count(left) == 0 {
		return nil, exitcode.Usagef("RESUME=%s: everything that is chosen passed there; leave RESUME out to make it again", o.Resume)
	}
	fmt.Fprintf(out, "resume: %d of %d checks passed in %s on Istio %s and are not made again\n", check.Count(plan)-check.Count(left), check.Count(plan), o.Resume, before.Environment.Istio)
	return left, nil
}
