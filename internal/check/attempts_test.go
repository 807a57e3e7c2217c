package check

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/report"
)

// playPolicy runs checks with a policy.
func playPolicy(t *testing.T, policy Policy, checks ...Check) []report.Test {
	t.Helper()
	out := &recorder{dir: t.TempDir()}
	runner := &Runner{Recorder: out, Target: "e2e", Context: t.Context(), Evidence: evidenceFile, Policy: policy}
	gomega.NewWithT(t).Expect(runner.Play(Suite{Name: "suite", Checks: checks})).To(gomega.Succeed())
	return out.tests
}

// failing fails at the attempts of these numbers.
func failing(name string, numbers ...int32) Check {
	var count atomic.Int32
	return Check{Name: name, Run: func(_ context.Context, t *T) {
		n := count.Add(1)
		t.Observe("attempt %d", n)
		for _, number := range numbers {
			t.Expect(n).NotTo(gomega.Equal(number), "attempt %d", n)
		}
		t.Expect(n).To(gomega.BeNumerically(">", 0))
	}}
}

func TestARetriedCheckIsFlakyAndNeverPasses(t *testing.T) {
	g := gomega.NewWithT(t)
	tests := playPolicy(t, Policy{Retries: 2}, failing("wobbles", 1), failing("broken", 1, 2, 3), failing("good"))
	g.Expect(tests[0].Status).To(gomega.Equal(report.Flaky))
	g.Expect(tests[0].Attempts).To(gomega.Equal(2))
	g.Expect(tests[0].Reason).To(gomega.HavePrefix("passed at attempt 2; before: attempt 1"))
	g.Expect(tests[0].Evidence).To(gomega.ConsistOf(gomega.HaveSuffix("/suite/wobbles/pods.yaml")), "the failure's evidence stays")
	g.Expect(tests[1].Status).To(gomega.Equal(report.Fail))
	g.Expect(tests[1].Attempts).To(gomega.Equal(3))
	g.Expect(tests[1].Evidence).To(gomega.ContainElement(gomega.HaveSuffix("/suite/broken/attempt-3/pods.yaml")))
	g.Expect(tests[2].Status).To(gomega.Equal(report.Pass))
	g.Expect(tests[2].Attempts).To(gomega.Equal(1))
}

// unmeasured fails at its first attempt, and could not measure at the second.
func unmeasured(name string) Check {
	var count atomic.Int32
	return Check{Name: name, Run: func(_ context.Context, t *T) {
		t.Observe("attempt %d", count.Load()+1)
		if count.Add(1) == 2 {
			t.SkipUnmeasured(report.VerdictInvalid, "steal")
		}
		t.Expect(count.Load()).NotTo(gomega.Equal(int32(1)), "attempt 1")
	}}
}

func TestASkippedAttemptTakesNoFailureBack(t *testing.T) {
	for name, policy := range map[string]Policy{"retried": {Retries: 2}, "repeated": {Repeat: 4}} {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			got := playPolicy(t, policy, unmeasured("latency"))[0]
			g.Expect(got.Status).To(gomega.Equal(report.Fail))
			g.Expect(got.Reason).To(gomega.HavePrefix("failed at attempt 1; attempt 2 was skipped: the measurement is invalid: steal"))
			g.Expect(got.Failures).To(gomega.ConsistOf(gomega.ContainSubstring("attempt 1")))
			g.Expect(got.Observed).To(gomega.Equal([]string{"attempt 1"}))
			g.Expect(got.Evidence).NotTo(gomega.BeEmpty())
			g.Expect([]any{got.Attempts, got.Unmeasured}).To(gomega.Equal([]any{2, false}))
		})
	}
}

func TestARepeatedCheckPassesOnlyEachTime(t *testing.T) {
	g := gomega.NewWithT(t)
	tests := playPolicy(t, Policy{Repeat: 4}, failing("sometimes", 2, 4), failing("always"))
	g.Expect(tests[0].Status).To(gomega.Equal(report.Fail))
	g.Expect(tests[0].Reason).To(gomega.Equal("failed 2 of 4 times (number 2, 4); this is the first failure"))
	g.Expect(tests[0].Failures).To(gomega.ConsistOf(gomega.ContainSubstring("attempt 2")))
	g.Expect(tests[1].Status).To(gomega.Equal(report.Pass))
	g.Expect(tests[1].Attempts).To(gomega.Equal(1))
	g.Expect(tests[1].Observed).To(gomega.ContainElement("passed all 4 times"))
}

func TestFailFastSkipsTheRest(t *testing.T) {
	g := gomega.NewWithT(t)
	tests := playPolicy(t, Policy{FailFast: true}, failing("good"), failing("bad", 1), failing("later"))
	g.Expect(tests[1].Status).To(gomega.Equal(report.Fail))
	g.Expect(tests[2].Status).To(gomega.Equal(report.Skip))
	g.Expect(tests[2].Reason).To(gomega.Equal("stopped at the first failure, suite/bad"))
}
