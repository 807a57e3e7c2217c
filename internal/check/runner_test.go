package check

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/report"
)

// recorder keeps what the runner reports.
type recorder struct {
	dir   string
	mu    sync.Mutex
	tests []report.Test
	loads []report.Load
}

func (r *recorder) StartTest(string, string) {}
func (r *recorder) EndTest(t report.Test) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tests = append(r.tests, t)
}
func (r *recorder) AddLoad(l report.Load)                 { r.loads = append(r.loads, l) }
func (r *recorder) AddUpgrade(report.Upgrade)             {}
func (r *recorder) AddTrend(report.Trend)                 {}
func (r *recorder) Logf(string, ...any)                   {}
func (r *recorder) EvidenceDir(suite, name string) string { return r.dir + "/" + suite + "/" + name }

// evidenceFile names a file as if it had been collected.
func evidenceFile(_ context.Context, dir string, _ Failure) []string {
	return []string{dir + "/pods.yaml"}
}

// play runs checks through the e2e-framework and returns what was reported.
func play(ctx context.Context, t *testing.T, checks ...Check) []report.Test {
	t.Helper()
	return playWith(ctx, t, 1, checks...)
}

// playWith runs at most so many checks at the same time.
func playWith(ctx context.Context, t *testing.T, parallel int, checks ...Check) []report.Test {
	t.Helper()
	out := &recorder{dir: t.TempDir()}
	runner := &Runner{Recorder: out, Parallel: parallel, Target: "e2e", Context: ctx, Evidence: evidenceFile}
	gomega.NewWithT(t).Expect(runner.Play(Suite{Name: "suite", Checks: checks})).To(gomega.Succeed())
	return out.tests
}

func passing(name string) Check {
	return Check{Name: name, Promise: "one is one", Run: func(_ context.Context, t *T) {
		t.Observe("saw %d", 1)
		t.Expect(1).To(gomega.Equal(1))
		t.Expect(true).To(gomega.BeTrue())
	}}
}

func TestRunnerReportsAPass(t *testing.T) {
	g := gomega.NewWithT(t)
	tests := play(t.Context(), t, passing("good"))
	g.Expect(tests).To(gomega.HaveLen(1))
	g.Expect(tests[0].Status).To(gomega.Equal(report.Pass))
	g.Expect(tests[0].Assertions).To(gomega.Equal(2))
	g.Expect(tests[0].Observed).To(gomega.Equal([]string{"saw 1"}))
	g.Expect(tests[0].Rerun).To(gomega.Equal("make e2e KEEP=1 RUN=suite/good"))
}

func TestAMeasurementReachesTheRecorder(t *testing.T) {
	g := gomega.NewWithT(t)
	out := &recorder{dir: t.TempDir()}
	runner := &Runner{Recorder: out, Context: t.Context(), Evidence: evidenceFile}
	g.Expect(runner.Play(Suite{Name: "load", Checks: []Check{{Name: "slow", Run: func(_ context.Context, t *T) {
		t.RecordLoad(report.Load{Name: "slow", Verdict: report.VerdictInvalid})
		t.Skipf("the measurement is invalid")
	}}}})).To(gomega.Succeed())
	g.Expect(out.loads).To(gomega.ConsistOf(report.Load{Name: "slow", Verdict: report.VerdictInvalid}))
	g.Expect(out.tests[0].Status).To(gomega.Equal(report.Skip))
}

func TestRunnerReportsAFailure(t *testing.T) {
	g := gomega.NewWithT(t)
	tests := play(t.Context(), t, Check{Name: "bad", Run: func(_ context.Context, t *T) {
		t.Diagnose("the cause", "the fix", "the link")
		t.Expect(1).To(gomega.Equal(2), "the sum")
		t.Error("never reached")
	}}, passing("good"))
	g.Expect(tests).To(gomega.HaveLen(2))
	g.Expect(tests[0].Status).To(gomega.Equal(report.Fail))
	g.Expect(tests[0].Failures).To(gomega.ConsistOf(gomega.ContainSubstring("the sum")))
	g.Expect(tests[0].Diagnosis).To(gomega.Equal(report.Diagnosis{Cause: "the cause", Fix: "the fix", Link: "the link"}))
	g.Expect(tests[0].Evidence).To(gomega.ConsistOf(gomega.HaveSuffix("/suite/bad/pods.yaml")))
	g.Expect(tests[1].Status).To(gomega.Equal(report.Pass), "no gate failed")
}

func TestRunnerReportsAPanic(t *testing.T) {
	g := gomega.NewWithT(t)
	tests := play(t.Context(), t, Check{Name: "bad", Run: func(context.Context, *T) { panic("boom") }})
	g.Expect(tests).To(gomega.HaveLen(1))
	g.Expect(tests[0].Status).To(gomega.Equal(report.Fail))
	g.Expect(tests[0].Failures).To(gomega.ConsistOf(gomega.ContainSubstring("boom")))
	g.Expect(tests[0].Evidence).To(gomega.ContainElement(gomega.HaveSuffix("/suite/bad/panic.txt")))
}

func TestCleanupsRunInReverseAfterTheEvidenceAndMayFail(t *testing.T) {
	g := gomega.NewWithT(t)
	var order []string
	tests := play(t.Context(), t, Check{Name: "untidy", Run: func(_ context.Context, t *T) {
		t.Cleanup(func() { order = append(order, "first") })
		t.Cleanup(func() {
			order = append(order, "second")
			t.Expect(errors.New("stuck")).NotTo(gomega.HaveOccurred(), "undo")
		})
		t.Expect(1).To(gomega.Equal(1))
	}})
	g.Expect(order).To(gomega.Equal([]string{"second", "first"}))
	g.Expect(tests[0].Status).To(gomega.Equal(report.Fail))
	g.Expect(tests[0].Failures).To(gomega.ConsistOf(gomega.ContainSubstring("undo")))
}

func TestACleanupHasTimeOfItsOwn(t *testing.T) {
	g := gomega.NewWithT(t)
	ran := false
	play(t.Context(), t, Check{Name: "tidy", Run: func(ctx context.Context, t *T) {
		ctx, end := context.WithCancel(ctx)
		t.CleanupWithin(ctx, time.Minute, func(ctx context.Context) {
			_, limited := ctx.Deadline()
			ran = limited && ctx.Err() == nil
		})
		end()
		t.Expect(1).To(gomega.Equal(1))
	}})
	g.Expect(ran).To(gomega.BeTrue(), "with a context that ends, and had not")
}

func TestWhatCouldNotBeMeasuredSaysWhatToDo(t *testing.T) {
	g := gomega.NewWithT(t)
	tests := play(t.Context(), t, Check{Name: "latency", Run: func(_ context.Context, t *T) { t.SkipUnmeasured(report.VerdictInvalid, "late", "throttled") }})
	g.Expect(tests[0].Status).To(gomega.Equal(report.Skip))
	g.Expect(tests[0].Unmeasured).To(gomega.BeTrue())
	g.Expect(tests[0].Reason).To(gomega.Equal("the measurement is invalid: late; throttled; measure again while nothing else runs on this machine"))
}

func TestChecksBehindAFailedGateAreSkipped(t *testing.T) {
	g := gomega.NewWithT(t)
	gate := Check{Name: "gate", Gate: true, Run: func(_ context.Context, t *T) { t.Fatal("closed") }}
	tests := play(t.Context(), t, passing("before"), gate, passing("behind"))
	g.Expect(tests).To(gomega.HaveLen(3))
	g.Expect(tests[0].Status).To(gomega.Equal(report.Pass))
	g.Expect(tests[1].Status).To(gomega.Equal(report.Fail))
	g.Expect(tests[2].Status).To(gomega.Equal(report.Skip))
	g.Expect(tests[2].Reason).To(gomega.Equal("needs suite/gate, which did not pass"))
}

func TestAnInterruptedCheckIsNoFailure(t *testing.T) {
	g := gomega.NewWithT(t)
	ctx, cancel := context.WithCancel(t.Context())
	tests := play(ctx, t, Check{Name: "long", Run: func(ctx context.Context, t *T) {
		cancel()
		<-ctx.Done()
		t.Expect(ctx.Err()).NotTo(gomega.HaveOccurred())
	}}, passing("later"))
	g.Expect(tests[0].Status).To(gomega.Equal(report.Skip))
	g.Expect(tests[0].Reason).To(gomega.ContainSubstring("interrupted"))
	g.Expect(tests[1].Status).To(gomega.Equal(report.Skip))
}

func TestSkipKeepsItsReason(t *testing.T) {
	g := gomega.NewWithT(t)
	tests := play(t.Context(), t, Check{Name: "off", Run: func(_ context.Context, t *T) { t.Skipf("no %s here", "filter") }})
	g.Expect(tests[0].Status).To(gomega.Equal(report.Skip))
	g.Expect(tests[0].Unmeasured).To(gomega.BeFalse())
	g.Expect(tests[0].Reason).To(gomega.Equal("no filter here"))
}
