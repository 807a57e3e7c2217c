package check

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/report"
)

// lateError is an error with fields that nobody wants to read, and more to tell.
type lateError struct{ states []string }

func (e *lateError) Error() string     { return "not ready after 5m0s: " + e.states[0] }
func (e *lateError) Details() []string { return e.states }

func notReady() error {
	return fmt.Errorf("install release istio-system/istiod: %w", &lateError{[]string{"Deployment istio-system/istiod: 0 of 1 pods", "Service istio-system/istiod: no address"}})
}

func TestMessagesHoldNoStructs(t *testing.T) {
	const late = "install release istio-system/istiod: not ready after 5m0s: Deployment istio-system/istiod: 0 of 1 pods"
	for what, test := range map[string]struct {
		assert func(t *T)
		want   string
	}{
		"an error":                {func(t *T) { t.Expect(notReady()).NotTo(gomega.HaveOccurred()) }, "unexpected error: " + late},
		"no success":              {func(t *T) { t.Expect(notReady()).To(gomega.Succeed()) }, "unexpected error: " + late},
		"with a description":      {func(t *T) { t.Expect(notReady()).To(gomega.Succeed(), "step %d", 1) }, "step 1\nunexpected error: " + late},
		"beside a value":          {func(t *T) { t.Expect(0, notReady()).To(gomega.Equal(0), "step") }, "step\nunexpected error: " + late},
		"an error of two lines":   {func(t *T) { t.Expect(errors.New("a\nb")).To(gomega.Succeed()) }, "Expected success, but got an error:\n    a\n    b"},
		"an error of no text":     {func(t *T) { t.Expect(errors.New("")).To(gomega.Succeed()) }, "unexpected error: "},
		"another error":           {func(t *T) { t.Expect(notReady()).To(gomega.MatchError("x")) }, "Expected\n    " + late + "\nto match error\n    <string>: x"},
		"errors in a list":        {func(t *T) { t.Expect([]error{errors.New("a\nb")}).To(gomega.BeEmpty()) }, "Expected\n    <[]error>: [a\n            b]\nto be empty"},
		"what is no error":        {func(t *T) { t.Expect("a").To(gomega.Equal("b")) }, "Expected\n    <string>: a\nto equal\n    <string>: b"},
		"text that looks like it": {func(t *T) { t.Expect("<x>: \n    a").To(gomega.BeEmpty()) }, "Expected\n    <string>: <x>: \n        a\nto be empty"},
		"a wait": {func(t *T) {
			t.Eventually(notReady, time.Millisecond).Should(gomega.Succeed())
		}, "Timed out after 0.00Xs.\nunexpected error: " + late},
	} {
		t.Run(what, func(t *testing.T) {
			g := gomega.NewWithT(t)
			tests := play(t.Context(), t, Check{Name: "bad", Run: func(_ context.Context, t *T) { test.assert(t) }})
			g.Expect(tests[0].Failures).To(gomega.HaveLen(1))
			g.Expect(timeOf.ReplaceAllString(tests[0].Failures[0], "0.00Xs")).To(gomega.Equal(test.want))
		})
	}
}

// timeOf is how long gomega says that it waited.
var timeOf = regexp.MustCompile(`\d+\.\d+s`)

// The line is for people; the evidence gets all that the error knows.
func TestEvidenceGetsTheDetailsOfAnError(t *testing.T) {
	g := gomega.NewWithT(t)
	var said []string
	runner := &Runner{Recorder: &recorder{dir: t.TempDir()}, Context: t.Context(), Evidence: func(_ context.Context, _ string, failed Failure) []string {
		said = failed.Said
		return nil
	}}
	g.Expect(runner.Play(Suite{Name: "suite", Checks: []Check{{Name: "bad", Run: func(_ context.Context, t *T) {
		t.Expect(notReady()).To(gomega.Succeed())
	}}}})).To(gomega.Succeed())
	g.Expect(said).To(gomega.ContainElements(gomega.HavePrefix("unexpected error: "), "Service istio-system/istiod: no address"))
	g.Expect(report.Test{Failures: said[:1]}.Headline()).To(gomega.HavePrefix("unexpected error: install release istio-system/istiod"))
}
