package check

import (
	"context"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/e2e-framework/pkg/env"
	"sigs.k8s.io/e2e-framework/pkg/envconf"
	"sigs.k8s.io/e2e-framework/pkg/features"
	"sigs.k8s.io/e2e-framework/pkg/types"

	"istio-conformance/internal/check/waits"
	"istio-conformance/internal/report"
	"istio-conformance/internal/traffic/probe"
)

// evidenceTimeout bounds how long a failure's evidence may take to collect; it
// is apart from the check's own time, which may be used up.
const evidenceTimeout = 45 * time.Second

// Recorder receives the outcome of every check.
type Recorder interface {
	StartTest(suite, name string)
	EndTest(report.Test)
	// AddLoad receives what a check measured, with a verdict of its own.
	AddLoad(report.Load)
	// AddUpgrade receives an upgrade that a check made.
	AddUpgrade(report.Upgrade)
	// AddTrend receives how something changed while a check watched it.
	AddTrend(report.Trend)
	// Logf receives what a check does now.
	Logf(format string, args ...any)
	EvidenceDir(suite, name string) string
}

// Runner turns checks into features that report to a Recorder.
type Runner struct {
	// Recorder receives each outcome.
	Recorder Recorder
	// Target is the make target that runs the checks with its variables, such as
	// e2e ISTIO=1.30, for the re-run command.
	Target string
	// Context ends when the run is interrupted.
	Context context.Context
	// Evidence collects what explains a failure into a directory and returns the
	// paths of what it wrote. What it cannot get it writes down there.
	Evidence func(ctx context.Context, dir string, failed Failure) []string
	// Symptoms says what the evidence in a directory shows; nil asks nobody. What the
	// check itself saw stands before it.
	Symptoms func(dir string, failed Failure) report.Diagnosis

	// Parallel is how many checks run at the same time at most; 0 means one.
	Parallel int
	// Policy says how often a check runs; the zero value means once.
	Policy Policy
	// Waits are the times that the user chose.
	Waits waits.Waits

	mu sync.Mutex
	// blocked is why no more checks are run: the gate that did not pass, or the
	// first failure; empty while all is well.
	blocked string
}

// Suite runs a suite's checks as features of an environment of the e2e-framework, in
// the order that type Suite states.
func (r *Runner) Suite(t *testing.T, testenv env.Environment, suite Suite) {
	t.Helper()
	// Not TestInParallel, which begins a stage's checks in an order of its own.
	slots := make(chan struct{}, max(1, r.Parallel))
	for _, stage := range stages(suite.Checks) {
		var running sync.WaitGroup
		for _, c := range stage {
			slots <- struct{}{}
			running.Go(func() {
				defer func() { <-slots }()
				testenv.Test(t, r.feature(suite.Name, c))
			})
		}
		running.Wait()
	}
}

// feature makes a check a feature of the e2e-framework.
func (r *Runner) feature(suite string, c Check) types.Feature {
	return features.NewWithDescription(c.Name, c.Promise).WithLabel("suite", suite).WithLabel("feature", c.Feature).
		Assess("holds", func(ctx context.Context, t *testing.T, _ *envconf.Config) context.Context {
			r.run(t, suite, c)
			return ctx
		}).Feature()
}

// attempt runs a check once and hands its outcome over, however it ends.
func (r *Runner) attempt(t *testing.T, suite string, c Check, number int, done func(report.Test)) {
	checkT := newT(t, r.Waits.Or(waits.Assertion, eventuallyTimeout))
	checkT.recorder = r.Recorder
	started := time.Now()
	timeout := r.Waits.Or(suite+"/"+c.Name, c.timeout(r.Waits.Or(waits.Check, DefaultTimeout)))
	ctx, cancel := context.WithTimeout(withStart(probe.WithTrace(r.Context, &checkT.trace), started), timeout)
	finished := false
	defer func() {
		cancel()
		if !finished && !t.Failed() && !t.Skipped() {
			// Neither the check's end nor FailNow or SkipNow: it panicked.
			checkT.Errorf("the check itself panicked, which is a defect of the harness: %v", recover())
			checkT.panicked = debug.Stack()
		}
		done(r.outcome(checkT, suite, c, started, number))
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
	case r.why() != "":
		checkT.Skipf("%s", r.why())
	}
	c.Run(ctx, checkT)
	finished = true
}

// outcome returns what an attempt came to: first a failure's evidence, while
// everything is still there, then the cleanups, which may fail the check too.
func (r *Runner) outcome(t *T, suite string, c Check, started time.Time, number int) report.Test {
	seconds := time.Since(started).Seconds()
	var evidence []string
	var diagnosis report.Diagnosis
	if t.Failed() && r.Context.Err() == nil {
		evidence, diagnosis = r.explain(t, suite, c, started, number)
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
		result.Status, result.Diagnosis = report.Fail, diagnosis
	case t.Skipped():
		result.Status, result.Unmeasured = report.Skip, t.unmeasured
	}
	return result
}
