// Package exam plays the corpus of public bug reports, fixtures/reports, on a healthy
// cluster, one after the other: it makes the report's fault, shows by a request that it
// bites, asks package diagnose for the cause, scores the answer, and gives everything
// back. It is `make exam`.
package exam

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"istio-conformance/fixtures"
	"istio-conformance/internal/check"
	"istio-conformance/internal/evidence/corpus"
	"istio-conformance/internal/evidence/diagnose"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/diagnosis"
	"istio-conformance/suites/kit"
)

// reportTimeout bounds a report, its bite and the answer; undoing it has its own time.
const reportTimeout = 5 * time.Minute

// SheetName is the file below the reports' directory that holds the last scores.
const SheetName = "exam.json"

// Suite returns a check for each report, and the sheet that they fill.
func Suite(s *stack.Stack) (check.Suite, *corpus.Sheet, error) {
	reports, err := corpus.Load()
	if err != nil {
		return check.Suite{}, nil, err
	}
	file := filepath.Join(s.OutDir(), SheetName)
	sheet, err := corpus.ReadSheet(file)
	if err != nil {
		return check.Suite{}, nil, err
	}
	e := &examiner{stack: s, sheet: sheet, file: file}
	suite := check.Suite{Name: "exam", Checks: []check.Check{ready(s)}}
	for _, r := range reports {
		suite.Checks = append(suite.Checks, check.Check{
			Name: r.Name, Promise: "the right cause is named where " + r.Saw, Timeout: reportTimeout, SkipIf: func() string { return whyNot(s, r) },
			Run: func(ctx context.Context, t *check.T) { e.examine(ctx, t, r) },
		})
	}
	return suite, sheet, nil
}

// whyNot says why a report cannot be made here; empty when it can.
func whyNot(s *stack.Stack, r corpus.Report) string {
	if r.NetworkPolicies && s.Source() == "modules" {
		return "the pods' network of nodes that are built from modules does not enforce NetworkPolicies"
	}
	return s.WhyNotOurs()
}

// ready deploys the backend that the reports share, and sees that nothing is found
// before anything is broken.
func ready(s *stack.Stack) check.Check {
	return check.Check{
		Name: "ready", Promise: "nothing is found before anything is broken", Gate: true, Timeout: reportTimeout, SkipIf: s.WhyNotOurs,
		Run: func(ctx context.Context, t *check.T) {
			manifest, err := fixtures.Files.ReadFile("apps/backend.yaml")
			t.Expect(err).NotTo(gomega.HaveOccurred())
			values := s.FixtureValues()
			values["Backend"] = s.Images.Backend
			objects, err := kube.Render(manifest, values)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(s.CreateTestNamespace(ctx)).To(gomega.Succeed())
			t.Expect(kube.Apply(ctx, s.Client, s.Namespace, objects)).To(gomega.Succeed())
			t.Eventually(ctx, func() ([]corev1.Pod, error) {
				return s.ReadyPods(ctx, s.Namespace, kit.BackendSelector)
			}).WithTimeout(3*time.Minute).Should(gomega.HaveLen(kit.BackendReplicas), "%s", s.DescribePods(ctx, s.Namespace))
			t.Observe("looked at %v", diagnosis.MustBeHealthy(ctx, t, s).Looked)
		},
	}
}

// examiner plays reports.
type examiner struct {
	stack *stack.Stack
	sheet *corpus.Sheet
	file  string

	mu sync.Mutex
	// unclean names the report after which the cluster was not found healthy.
	unclean string
}

// examine plays one report and notes its result, however it ends.
func (e *examiner) examine(ctx context.Context, t *check.T, r corpus.Report) {
	result := corpus.Result{Score: corpus.NoResult, Why: "the bite was not seen"}
	started := time.Now()
	// Registered first, and so done last.
	t.Cleanup(func() {
		result.Report, result.Known, result.Said = r.Name, r.Known, r.Said != ""
		result.Played, result.Seconds = started.UTC().Truncate(time.Second), int(time.Since(started).Seconds())
		e.sheet.Add(result)
		if err := e.sheet.Write(e.file); err != nil {
			t.Errorf("%v", err)
		}
	})
	var answer *diagnose.Diagnosis
	if r.Said != "" {
		var err error
		answer, err = corpus.Hear(r.Said)
		t.Expect(err).NotTo(gomega.HaveOccurred())
		result = r.Judge(answer)
	} else {
		e.mustBeClean(ctx, t, r.Name)
		p := newPlayer(t, e.stack, r)
		p.play(ctx)
		answer, result = p.ask(ctx)
	}
	t.Diagnose("package diagnose does not name the cause of this report: "+r.Cause, "bundle the evidence, and write a symptom for the kind of fault, not for the case: docs/diagnosis.md", r.Link)
	t.Expect(result.Score).To(gomega.Equal(corpus.Right), func() string { return result.Why + "\n" + answer.String() })
	t.Observe("%v", result.Named)
}

// mustBeClean refuses to go on in a cluster that the report before left unhealthy, and
// has it looked at once more when this report has been undone.
func (e *examiner) mustBeClean(ctx context.Context, t *check.T, name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.unclean != "" {
		t.Diagnose("the cluster is still not as before report "+e.unclean, "look at what is found there", "https://istio.io/latest/docs/ops/diagnostic-tools/")
		diagnosis.MustBeHealthy(ctx, t, e.stack)
	}
	e.unclean = name
	t.CleanupWithin(ctx, 2*time.Minute, func(ctx context.Context) {
		diagnosis.MustBeHealthy(ctx, t, e.stack)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.unclean = ""
	})
}
