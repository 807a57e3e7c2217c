// Package diagnosis proves that the catalogue of symptoms names the right cause of
// what is really broken: it breaks the cluster, one way at a time, and asks. It is
// part of `make mutate`.
package diagnosis

import (
	"context"
	"fmt"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/evidence/diagnose"
	"istio-conformance/internal/stack"
)

// symptomTimeout bounds the time until a symptom shows: some take several restarts
// of a container, or a minute by definition.
const symptomTimeout = 4 * time.Minute

// askEvery is how often a broken cluster is looked at.
const askEvery = 3 * time.Second

// Suite returns a check for each symptom that is produced for real.
func Suite(s *stack.Stack) check.Suite {
	all := &accuracy{}
	suite := check.Suite{Name: "diagnosis", Checks: []check.Check{healthy(s)}}
	for _, p := range produced() {
		suite.Checks = append(suite.Checks, check.Check{
			Name: p.symptom, Promise: "the cause is named when " + p.when, Timeout: symptomTimeout + time.Minute, SkipIf: s.WhyNotOurs,
			Run: func(ctx context.Context, t *check.T) { p.prove(ctx, t, s, all) },
		})
	}
	suite.Checks = append(suite.Checks, all.check(s))
	return suite
}

// healthy asks before anything is broken: what is found anyway proves nothing.
func healthy(s *stack.Stack) check.Check {
	return check.Check{
		Name: "healthy", Promise: "nothing is found in a cluster in which nothing is broken", Gate: true, SkipIf: s.WhyNotOurs,
		Run: func(ctx context.Context, t *check.T) {
			t.Observe("looked at %v", MustBeHealthy(ctx, t, s).Looked)
		},
	}
}

// MustBeHealthy asks until no fault is found, and returns the last answer.
func MustBeHealthy(ctx context.Context, t *check.T, s *stack.Stack) *diagnose.Diagnosis {
	t.Helper()
	var last *diagnose.Diagnosis
	t.Eventually(ctx, func() ([]string, error) {
		var err error
		last, err = s.Diagnose(ctx)
		return faults(last), err
	}).WithTimeout(time.Minute).WithPolling(askEvery).Should(gomega.BeEmpty(), func() string { return last.String() })
	return last
}

// faults are the names of the faults that were found.
func faults(d *diagnose.Diagnosis) []string {
	if d == nil {
		return nil
	}
	var names []string
	for i := range d.Findings {
		if d.Findings[i].Symptom.Severity == diagnose.Fault {
			names = append(names, d.Findings[i].Symptom.Name)
		}
	}
	return names
}

// first are the names of the causes of the first rank.
func first(d *diagnose.Diagnosis) []string {
	if d == nil {
		return nil
	}
	var names []string
	for i := range d.Findings {
		if f := &d.Findings[i]; f.Rank == 1 && f.Follows == "" {
			names = append(names, f.Symptom.Name)
		}
	}
	return names
}

// accuracy counts how the catalogue did.
type accuracy struct {
	right, unknown int
	wrong          []string
}

// judge notes the catalogue's last answer about one break.
func (a *accuracy) judge(want string, got []string) {
	switch {
	case len(got) == 0:
		a.unknown++
	case len(got) == 1 && got[0] == want:
		a.right++
	default:
		a.wrong = append(a.wrong, fmt.Sprintf("%s: found %v", want, got))
	}
}

// check reports the accuracy; a wrong cause is never allowed.
func (a *accuracy) check(s *stack.Stack) check.Check {
	return check.Check{
		Name: "accuracy", Promise: "no break was given a wrong cause", SkipIf: s.WhyNotOurs,
		Run: func(_ context.Context, t *check.T) {
			if a.right+a.unknown+len(a.wrong) == 0 {
				t.Skipf("no symptom was produced in this run")
			}
			t.Observe("right cause named: %d, unknown: %d, wrong: %d", a.right, a.unknown, len(a.wrong))
			t.Expect(a.wrong).To(gomega.BeEmpty())
		},
	}
}
