package check

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"istio-conformance/internal/report"
)

// Policy says how often a check runs, and when the run stops.
type Policy struct {
	// Repeat runs each check so many times in a row; it passes when all of them
	// pass. 0 means once.
	Repeat int
	// Retries is how often a check that failed is tried again. One that passes then
	// is flaky.
	Retries int
	// FailFast skips what comes after the first failure.
	FailFast bool
}

// run runs one check as often as the policy says and records its outcome.
func (r *Runner) run(t *testing.T, suite string, c Check) {
	r.Recorder.StartTest(suite, c.Name)
	var outcomes []report.Test
	for number := 1; r.again(outcomes); number++ {
		// A subtest of its own: a *testing.T that has failed stays failed.
		t.Run(fmt.Sprintf("attempt-%d", number), func(t *testing.T) {
			r.attempt(t, suite, c, number, func(outcome report.Test) { outcomes = append(outcomes, outcome) })
		})
		if len(outcomes) < number {
			break // It was filtered away by -test.run.
		}
	}
	result := r.sum(outcomes)
	if len(outcomes) == 0 {
		result = report.Test{Suite: suite, Name: c.Name, Description: c.Promise, Status: report.Skip, Reason: "left out by -test.run"}
	}
	r.settle(c, &result)
	r.Recorder.EndTest(result)
}

// again reports whether another attempt is due.
func (r *Runner) again(outcomes []report.Test) bool {
	n := len(outcomes)
	if n == 0 {
		return true
	}
	last := outcomes[n-1]
	switch {
	case last.Status == report.Skip || r.Context.Err() != nil:
		return false
	case r.Policy.Repeat > 1:
		return n < r.Policy.Repeat
	}
	return last.Status == report.Fail && n <= r.Policy.Retries
}

// sum makes one outcome of all attempts: the last one of retries, the worst one of
// repetitions. One that was skipped takes nothing back of a failure before it.
func (r *Runner) sum(outcomes []report.Test) report.Test {
	if len(outcomes) == 0 {
		return report.Test{}
	}
	result := outcomes[len(outcomes)-1]
	var failed []string
	worst := -1
	result.Started, result.Seconds, result.Evidence = outcomes[0].Started, 0, nil
	for i, o := range outcomes {
		result.Seconds += o.Seconds
		result.Evidence = append(result.Evidence, o.Evidence...)
		if o.Status == report.Fail {
			failed = append(failed, strconv.Itoa(i+1))
			if worst < 0 {
				worst = i
			}
		}
	}
	n := len(outcomes)
	switch {
	case n == 1 || result.Status == report.Skip && worst < 0:
	case result.Status == report.Skip:
		result.Attempts, result.Reason = n, fmt.Sprintf("failed at attempt %d; attempt %d was skipped: %s", worst+1, n, result.Reason)
		failedAs(&result, &outcomes[worst])
	case r.Policy.Repeat > 1 && worst >= 0:
		failedAs(&result, &outcomes[worst])
		result.Reason = fmt.Sprintf("failed %d of %d times (number %s); this is the first failure", len(failed), n, strings.Join(failed, ", "))
	case r.Policy.Repeat > 1:
		result.Observed = append(result.Observed, fmt.Sprintf("passed all %d times", n))
	case result.Status == report.Fail:
		result.Attempts, result.Reason = n, fmt.Sprintf("failed at each of %d attempts; this is the last failure", n)
	default:
		result.Status, result.Attempts = report.Flaky, n
		result.Reason = fmt.Sprintf("passed at attempt %d; before: %s", n, outcomes[n-2].Headline())
	}
	return result
}

// failedAs makes an outcome the failure that another one is.
func failedAs(result, failure *report.Test) {
	result.Status, result.Unmeasured = report.Fail, false
	result.Failures, result.Diagnosis, result.Observed = failure.Failures, failure.Diagnosis, failure.Observed
}

// settle notes what the outcome means for the checks after it.
func (r *Runner) settle(c Check, result *report.Test) {
	r.mu.Lock()
	defer r.mu.Unlock()
	passed := result.Status == report.Pass || result.Status == report.Flaky
	// What a gate that has no meaning here would prove, nothing here stands on.
	void := c.SkipIf != nil && result.Status == report.Skip && result.Reason == c.SkipIf()
	if c.Gate && !passed && !void && r.blocked == "" {
		r.blocked = fmt.Sprintf("needs %s/%s, which did not pass", result.Suite, c.Name)
	}
	if r.Policy.FailFast && result.Status == report.Fail && r.blocked == "" {
		r.blocked = fmt.Sprintf("stopped at the first failure, %s/%s", result.Suite, c.Name)
	}
}

// why says why no more checks are run; empty while all is well.
func (r *Runner) why() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.blocked
}
