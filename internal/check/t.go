package check

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"istio-conformance/internal/report"
	"istio-conformance/internal/traffic/probe"
)

// How long Eventually waits and how often it looks, unless told otherwise.
const (
	eventuallyTimeout = 30 * time.Second
	pollInterval      = 250 * time.Millisecond
)

// T is a test's handle on its run: gomega's assertions, each of them counted,
// and what the report shall say when one fails. A failed assertion ends the check.
type T struct {
	*testing.T
	gomega gomega.Gomega

	mu         sync.Mutex
	assertions int
	failures   []string
	details    []string // what errors that were asserted upon know beyond their text
	skip       string
	unmeasured bool
	diagnosis  *report.Diagnosis
	met        error // of the assertion at hand
	obstacle   error // what kept the check from seeing what it is about
	observed   []string
	cleanups   []func()
	panicked   []byte // the stack of a panic
	trace      probe.Trace
	recorder   Recorder
}

func newT(t *testing.T, patience time.Duration) *T {
	c := &T{T: t}
	c.gomega = gomega.NewGomega(func(message string, _ ...int) {
		t.Helper()
		c.mu.Lock()
		if c.obstacle == nil && isObstacle(c.met) {
			c.obstacle = c.met
		}
		c.mu.Unlock()
		c.Fatalf("%s", tidy(message))
	})
	c.gomega.SetDefaultEventuallyTimeout(patience)
	// Without this a wait with a context has no limit but the context's.
	c.gomega.EnforceDefaultTimeoutsWhenUsingContexts()
	c.gomega.SetDefaultEventuallyPollingInterval(pollInterval)
	c.gomega.SetDefaultConsistentlyPollingInterval(pollInterval)
	return c
}

// Expect starts an assertion about a value, as gomega's Expect does.
func (t *T) Expect(actual any, extra ...any) types.Assertion {
	t.count()
	if more := details(actual); more != nil {
		t.mu.Lock()
		t.details = append(t.details, more...)
		t.mu.Unlock()
	}
	t.note(actual)
	return t.gomega.Expect(actual, extra...)
}

// Eventually starts an assertion that must come true in time. Pass the check's
// context with WithContext, so that the check's end also ends the wait.
func (t *T) Eventually(actualOrCtx any, args ...any) types.AsyncAssertion {
	t.count()
	return t.asked(t.gomega.Eventually, actualOrCtx, args)
}

// Consistently starts an assertion that must stay true for a while.
func (t *T) Consistently(actualOrCtx any, args ...any) types.AsyncAssertion {
	t.count()
	return t.asked(t.gomega.Consistently, actualOrCtx, args)
}

// asked starts an assertion that asks again and again; the function comes first, or
// behind a context.
func (t *T) asked(start func(any, ...any) types.AsyncAssertion, actualOrCtx any, args []any) types.AsyncAssertion {
	t.note(nil)
	if _, is := actualOrCtx.(context.Context); is && len(args) > 0 {
		args = slices.Clone(args)
		args[0] = t.noted(args[0])
		return start(actualOrCtx, args...)
	}
	return start(t.noted(actualOrCtx), args...)
}

// Diagnose says what a failure from here on means, how to mend it and where to read
// more; a later call replaces an earlier one. The cause is an assertion like any other:
// it says what the failed assertion itself shows, and never which of several causes
// that may have. What is behind it the catalogue says, from the evidence. kit.Unserved
// says what a response of the gateway shows.
func (t *T) Diagnose(cause, fix, link string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.diagnosis = &report.Diagnosis{Cause: cause, Fix: fix, Link: link}
}

// Cleanup registers what to undo when the check has ended; the last registered
// runs first. It runs after a failure's evidence was collected, so that the
// evidence shows the cluster as it failed, and before the outcome is reported,
// so that what cannot be undone fails the check.
func (t *T) Cleanup(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanups = append(t.cleanups, f)
}

// CleanupWithin is Cleanup for what takes time: it gets a context that outlives the
// check's, whose time may be used up, and ends after timeout.
func (t *T) CleanupWithin(ctx context.Context, timeout time.Duration, f func(ctx context.Context)) {
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
		defer cancel()
		f(ctx)
	})
}

// runCleanups runs each cleanup in a goroutine of its own: a failed assertion
// in one ends that goroutine and not the ones after it.
func (t *T) runCleanups() {
	for i := len(t.cleanups) - 1; i >= 0; i-- {
		done := make(chan struct{})
		go func() {
			defer close(done)
			t.cleanups[i]()
		}()
		<-done
	}
}

// writePanic keeps the stack of a panic beside the evidence: it is for whoever
// mends the harness, not for the console.
func (t *T) writePanic(dir string) []string {
	if t.panicked == nil {
		return nil
	}
	path := filepath.Join(dir, "panic.txt")
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(path, t.panicked, 0o644)); err != nil {
		t.Errorf("keep the stack of the panic: %v", err)
		return nil
	}
	return []string{path}
}

// Observe adds what the check saw to the report, also when it passes.
func (t *T) Observe(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if text := fmt.Sprintf(format, args...); !slices.Contains(t.observed, text) {
		t.observed = append(t.observed, text)
	}
}

// RecordLoad adds a latency measurement to the report, where its verdict counts
// for the run's: see report.Report.Unjudged for one that is invalid or inconclusive.
func (t *T) RecordLoad(l report.Load) { t.recorder.AddLoad(l) }

// RecordUpgrade adds an upgrade to the report, where its verdict counts beside the
// check's own outcome.
func (t *T) RecordUpgrade(u report.Upgrade) { t.recorder.AddUpgrade(u) }

// RecordTrend puts how something changed into the report.
func (t *T) RecordTrend(trend report.Trend) { t.recorder.AddTrend(trend) }

// Say shows what the check does now. It is not part of the report.
func (t *T) Say(format string, args ...any) { t.recorder.Logf(format, args...) }

// Fatalf records a failure for the report and ends the check.
func (t *T) Fatalf(format string, args ...any) {
	t.Helper()
	t.Errorf(format, args...)
	t.FailNow()
}

// Fatal records a failure for the report and ends the check.
func (t *T) Fatal(args ...any) {
	t.Helper()
	t.Fatalf("%s", fmt.Sprint(args...))
}

// Error records a failure for the report; the check goes on.
func (t *T) Error(args ...any) {
	t.Helper()
	t.Errorf("%s", fmt.Sprint(args...))
}

// Errorf records a failure for the report; the check goes on.
func (t *T) Errorf(format string, args ...any) {
	t.Helper()
	message := fmt.Sprintf(format, args...)
	t.mu.Lock()
	t.failures = append(t.failures, message)
	t.mu.Unlock()
	if testing.Verbose() {
		t.Log(message)
	}
	t.Fail()
}

// Skipf ends the check as skipped; the reason appears in the report.
func (t *T) Skipf(format string, args ...any) {
	t.Helper()
	t.mu.Lock()
	t.skip = fmt.Sprintf(format, args...)
	t.mu.Unlock()
	t.SkipNow()
}

// SkipUnmeasured ends the check as skipped because its measurement, which is recorded,
// is invalid or inconclusive, and says what to do about that.
func (t *T) SkipUnmeasured(verdict report.Verdict, reasons ...string) {
	t.Helper()
	t.mu.Lock()
	t.unmeasured = true
	t.mu.Unlock()
	t.Skipf("the measurement is %s: %s; measure again while nothing else runs on this machine", verdict, strings.Join(reasons, "; "))
}

func (t *T) count() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.assertions++
}
