package check

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/e2e-framework/pkg/env"
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

	// Parallel is how many checks run at the same time at most; 0 means one.
	Parallel int

	// blocked is the gate that did not pass, and why; empty while all is well.
	// Gates run alone, so nothing reads it while it is written.
	blocked string
	// slots has room for as many checks as may run at the same time.
	slots     chan struct{}
	makeSlots sync.Once
}

// NewEnvironment returns the environment of the e2e-framework in which suites
// run; config is completed with what a Runner needs.
func NewEnvironment(config *envconf.Config) env.Environment {
	return env.NewWithConfig(config.WithParallelTestEnabled())
}

// Suite runs a suite's checks as features of an environment that NewEnvironment
// made, in the order that type Suite states.
func (r *Runner) Suite(t *testing.T, testenv env.Environment, suite Suite) {
	t.Helper()
	for _, stage := range stages(suite.Checks) {
		all := make([]types.Feature, 0, len(stage))
		for _, c := range stage {
			all = append(all, r.feature(suite.Name, c))
		}
		testenv.TestInParallel(t, all...)
	}
}

// feature makes a check a feature of the e2e-framework.
func (r *Runner) feature(suite string, c Check) types.Feature {
	return features.NewWithDescription(c.Name, c.Promise).WithLabel("suite", suite).WithLabel("feature", c.Feature).
		Assess("holds", func(ctx context.Context, t *testing.T, _ *envconf.Config) context.Context {
			r.makeSlots.Do(func() { r.slots = make(chan struct{}, max(1, r.Parallel)) })
			r.slots <- struct{}{}
			defer func() { <-r.slots }()
			r.run(t, suite, c)
			return ctx
		}).Feature()
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
	if c.Feature != "" {
		result.Labels = map[string]string{"feature": c.Feature}
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
