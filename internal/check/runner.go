package check

import (
	"context"
	"fmt"
	"runtime/debug"
	"testing"
	"time"

	"sigs.k8s.io/e2e-framework/pkg/envconf"
	"sigs.k8s.io/e2e-framework/pkg/features"
	"sigs.k8s.io/e2e-framework/pkg/types"

	"istio-conformance/internal/report"
)

// evidenceTimeout bounds how long a failure's evidence may take to collect; it
// is apart from the check's own time, which may be used up.
const evidenceTimeout = 45 * time.Second

// Recorder receives the outcome of every check.
type Recorder interface {
	StartTest(suite, name string)
	EndTest(report.Test)
	EvidenceDir(suite, name string) string
}

// Runner turns checks into features that report to a Recorder.
type Runner struct {
	// Recorder receives each outcome.
	Recorder Recorder
	// Target is the make target that runs the checks, for the re-run command.
	Target string
	// Context ends when the run is interrupted.
	Context context.Context
	// Evidence collects what explains a failure since a time into a directory and
	// returns the paths of what it wrote. What it cannot get it writes down there.
	Evidence func(ctx context.Context, dir string, since time.Time) []string

	// blocked is the gate that did not pass, and why; empty while all is well.
	blocked string
}

// Features returns the suite's checks as features, to be run in this order.
func (r *Runner) Features(suite Suite) []types.Feature {
	all := make([]types.Feature, 0, len(suite.Checks))
	for _, c := range suite.Checks {
		all = append(all, features.NewWithDescription(c.Name, c.Promise).WithLabel("suite", suite.Name).
			Assess("holds", func(ctx context.Context, t *testing.T, _ *envconf.Config) context.Context {
				r.run(t, suite.Name, c)
				return ctx
			}).Feature())
	}
	return all
}

// run runs one check and records its outcome, however it ends.
func (r *Runner) run(t *testing.T, suite string, c Check) {
	checkT := newT(t)
	started := time.Now()
	r.Recorder.StartTest(suite, c.Name)
	ctx, cancel := context.WithTimeout(r.Context, c.timeout())
	finished := false
	defer func() {
		cancel()
		if !finished && !t.Failed() && !t.Skipped() {
			// Neither the check's end nor FailNow or SkipNow: it panicked.
			checkT.Errorf("the check itself panicked, which is a defect of the harness: %v", recover())
			checkT.panicked = debug.Stack()
		}
		r.record(checkT, suite, c, started)
	}()
	reason := ""
	if c.SkipIf != nil {
		reason = c.SkipIf()
	}
	switch {
	case r.Context.Err() != nil:
		checkT.Skipf("the run was interrupted")
	case reason != "":
		checkT.Skipf("%s", reason)
	case r.blocked != "":
		checkT.Skipf("%s", r.blocked)
	}
	c.Run(ctx, checkT)
	finished = true
}

// record reports the outcome: first a failure's evidence, while everything is
// still there, then the cleanups, which may fail the check too.
func (r *Runner) record(t *T, suite string, c Check, started time.Time) {
	seconds := time.Since(started).Seconds()
	var evidence []string
	if t.Failed() && r.Context.Err() == nil {
		ctx, cancel := context.WithTimeout(r.Context, evidenceTimeout)
		defer cancel()
		dir := r.Recorder.EvidenceDir(suite, c.Name)
		evidence = append(r.Evidence(ctx, dir, started), t.writePanic(dir)...)
	}
	t.runCleanups()
	result := report.Test{
		Suite: suite, Name: c.Name, Description: c.Promise, Status: report.Pass, Started: started, Seconds: seconds,
		Attempts: 1, Assertions: t.assertions, Rerun: "make " + r.Target + " KEEP=1 RUN=" + suite + "/" + c.Name,
		Failures: t.failures, Reason: t.skip, Observed: t.observed, Evidence: evidence,
	}
	switch {
	case t.Failed() && r.Context.Err() != nil:
		result.Status, result.Reason = report.Skip, "the run was interrupted during this check"
	case t.Failed():
		result.Status = report.Fail
		if t.diagnosis != nil {
			result.Diagnosis = *t.diagnosis
		}
	case t.Skipped():
		result.Status = report.Skip
	}
	if c.Gate && result.Status != report.Pass && r.blocked == "" {
		r.blocked = fmt.Sprintf("needs %s/%s, which did not pass", suite, c.Name)
	}
	r.Recorder.EndTest(result)
}
