// Package mutation proves that the checks can fail: it breaks the system under
// test on purpose, runs checks against it, and asserts that exactly the expected
// ones turn red and say why.
package mutation

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/report"
	"istio-conformance/internal/stack"
)

const (
	// mutationTimeout bounds a mutation with all the checks that it runs.
	mutationTimeout = 8 * time.Minute
	// baselineTimeout bounds all the checks of all suites.
	baselineTimeout = 25 * time.Minute
)

// Mutation is one way to break the system under test.
type Mutation struct {
	// Name is kebab-case; Promise says what is noticed.
	Name, Promise string
	// Break breaks the system and registers how to mend it, see Mend.
	Break func(ctx context.Context, t *check.T, s *stack.Stack)
	// Profile is the only one that has what is broken; empty means any.
	Profile string
	// SkipIf returns why what is played cannot be made here; nil means that it can.
	SkipIf func() string
	// Plays selects the checks that are run, as RUN does.
	Plays string
	// Fails are the checks that must fail, each with words that its failure or its
	// diagnosis must say. All others that are played must pass, or be skipped
	// behind a gate that is expected to fail.
	Fails map[string]string
	// Invalid are the checks whose measurement must be found invalid, which ends
	// them as skipped, each with words that the reason must say.
	Invalid map[string]string
}

// Own returns the mutations that checks bring with them: each plays its check alone.
func Own(suites []check.Suite) []Mutation {
	var own []Mutation
	for _, suite := range suites {
		for _, c := range suite.Checks {
			for _, b := range c.Breaks {
				id := suite.Name + "/" + c.Name
				own = append(own, Mutation{
					Name: b.Name, Promise: b.Promise, SkipIf: c.SkipIf, Plays: id, Fails: map[string]string{id: b.Says},
					Break: func(ctx context.Context, t *check.T, _ *stack.Stack) { b.Make(ctx, t) },
				})
			}
		}
	}
	return own
}

// On returns what breaks the stack s, for a check's own Break.
func On(s *stack.Stack, how func(context.Context, *check.T, *stack.Stack)) func(context.Context, *check.T) {
	return func(ctx context.Context, t *check.T) { how(ctx, t, s) }
}

// Name is that of the suite of all mutations.
const Name = "mutation"

// Suite returns a check for each mutation of the given suites, those that their checks
// bring with them after the others. planned is what will be run, which is known later:
// the baseline plays no more than that needs.
func Suite(s *stack.Stack, suites []check.Suite, mutations []Mutation, planned func() []check.Suite) check.Suite {
	mutations = append(slices.Clone(mutations), Own(suites)...)
	whyNot := func(m Mutation) string { return m.whyNot(s, check.IDs(suites)) }
	suite := check.Suite{Name: Name, Checks: []check.Check{baseline(s, suites, func() string {
		return plays(mutations, planned(), whyNot)
	})}}
	for _, m := range mutations {
		suite.Checks = append(suite.Checks, check.Check{
			Name: m.Name, Promise: m.Promise, Timeout: mutationTimeout, SkipIf: func() string { return whyNot(m) },
			Run: func(ctx context.Context, t *check.T) {
				selection, err := check.Select(m.Plays, suites)
				t.Expect(err).NotTo(gomega.HaveOccurred())
				m.Break(ctx, t, s)
				played, err := Play(ctx, selection.Plan(suites))
				t.Expect(err).NotTo(gomega.HaveOccurred())
				m.judge(t, played)
			},
		})
	}
	return suite
}

// whyNot says why the mutation cannot be made; empty when it can.
func (m Mutation) whyNot(s *stack.Stack, checks []string) string {
	for id := range m.Fails {
		if !slices.Contains(checks, id) {
			return id + " is not among the checks; LOAD=full adds it"
		}
	}
	if m.Profile != "" && m.Profile != s.Profile() {
		return "nothing of this profile is broken by it; PROFILE=" + m.Profile + " runs it"
	}
	if m.SkipIf != nil {
		if why := m.SkipIf(); why != "" {
			return why
		}
	}
	return s.WhyNotOurs()
}

// plays returns what the planned mutations play, as RUN takes it, without those that
// cannot be made.
func plays(mutations []Mutation, planned []check.Suite, whyNot func(Mutation) string) string {
	ids := check.IDs(planned)
	var all []string
	for _, m := range mutations {
		if slices.Contains(ids, Name+"/"+m.Name) && whyNot(m) == "" {
			all = append(all, m.Plays)
		}
	}
	if len(all) == 0 {
		return "install/releases" // what is selected is another suite, which stands on this
	}
	return strings.Join(all, ",")
}

// baseline runs what is going to be played before anything is broken: a check that
// fails anyway would prove nothing when it fails under a mutation.
func baseline(s *stack.Stack, suites []check.Suite, plays func() string) check.Check {
	return check.Check{
		Name: "baseline", Promise: "every check that is going to be played passes before anything is broken", Gate: true, Timeout: baselineTimeout, SkipIf: s.WhyNotOurs,
		Run: func(ctx context.Context, t *check.T) {
			selection, err := check.Select(plays(), suites)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			if s.InstallError == nil {
				// What it plays may end with an uninstalled Istio.
				MendInstallation(ctx, t, s)
			}
			played, err := Play(ctx, selection.Plan(suites))
			t.Expect(err).NotTo(gomega.HaveOccurred())
			Mutation{}.judge(t, played)
		},
	}
}

// judge compares what failed with what had to.
func (m Mutation) judge(t *check.T, played []report.Test) {
	t.Expect(played).NotTo(gomega.BeEmpty(), "no check was played")
	var failed []string
	for _, test := range played {
		if words, expected := m.Invalid[test.ID()]; expected {
			t.Expect(test.Status).To(gomega.Equal(report.Skip), "%s: %s", test.ID(), test.Failures)
			t.Expect(test.Reason).To(gomega.ContainSubstring(words), "%s does not name the cause", test.ID())
			t.Observe("%s: %s", test.ID(), test.Reason)
		}
		id := test.ID()
		if _, expected := m.Fails[id]; expected && test.Status == report.Skip {
			t.Observe("%s was skipped, and had to fail: %s", id, test.Reason)
		}
		if test.Status != report.Fail {
			continue
		}
		failed = append(failed, id)
		said := append(slices.Clone(test.Failures), test.Diagnosis.Cause)
		t.Observe("%s failed: %s; cause: %s", id, test.Failures, test.Diagnosis.Cause)
		if words, expected := m.Fails[id]; expected {
			t.Expect(said).To(gomega.ContainElement(gomega.ContainSubstring(words)), "%s does not name the cause", id)
		}
	}
	var want []string
	for id := range m.Fails {
		want = append(want, id)
	}
	t.Expect(failed).To(gomega.ConsistOf(want), "the checks that failed, of %d", len(played))
}

// Play runs checks as the main job does and returns their outcomes.
func Play(ctx context.Context, suites []check.Suite) ([]report.Test, error) {
	recorder := &recorder{}
	runner := &check.Runner{Recorder: recorder, Context: ctx, Parallel: check.DefaultParallel, Evidence: func(context.Context, string, check.Failure) []string { return nil }}
	err := runner.Play(suites...)
	return recorder.tests, err
}

// recorder keeps the outcomes and shows nothing.
type recorder struct {
	mu    sync.Mutex
	tests []report.Test
}

func (r *recorder) StartTest(string, string)          {}
func (r *recorder) AddLoad(report.Load)               {}
func (r *recorder) AddUpgrade(report.Upgrade)         {}
func (r *recorder) AddTrend(report.Trend)             {}
func (r *recorder) Logf(string, ...any)               {}
func (r *recorder) EvidenceDir(string, string) string { return "" }
func (r *recorder) EndTest(t report.Test) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tests = append(r.tests, t)
}
