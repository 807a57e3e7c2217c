// Package upgrade moves Istio from one version to another and back while traffic
// runs, and says whether anything was lost: in place, by a second control plane
// (canary), and with the same version and other values.
package upgrade

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/report"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/upgrade/installation"
)

// Options are how the upgrades are made.
type Options struct {
	// Budget is how many requests may fail in one journey.
	Budget int
	// Rate is that of all traffic together, in requests per second.
	Rate float64
	// Repeat is how often each journey is made and measured. A repetition that was no
	// measurement is made again, a few times.
	Repeat int
	// Values are the layers of Helm values; of two, the first decides the verdict
	// and the other is only measured.
	Values []string
	// Soak is how long nothing changes before, between and after the legs.
	Soak time.Duration
	// Force runs a path that Istio does not support, and marks it.
	Force bool
}

// journeyTimeout bounds one repetition of a journey: some twenty rollouts.
const journeyTimeout = 25 * time.Minute

// Refused returns why an upgrade must not be made by any method, or nil: with
// status exitcode.Usage, before anything is touched.
func Refused(s *stack.Stack) error {
	var why []error
	for _, method := range istio.Methods {
		ruling, err := judgePath(s, method)
		if err != nil {
			return err
		}
		if ruling.Standing != istio.Refused {
			return nil
		}
		why = append(why, refusal(ruling))
	}
	return exitcode.Usagef("%w\nFORCE=1 makes it all the same, and marks the verdict", errors.Join(why...))
}

// whyNot says why a journey is not one that Istio supports; empty when it is.
func whyNot(s *stack.Stack, j journey) string {
	if j.values {
		return ""
	}
	if s.FromCell.Istio == s.Cell.Istio {
		return "both versions are " + s.Cell.Istio + ": only values can change"
	}
	ruling, err := judgePath(s, j.method)
	switch {
	case err != nil:
		return err.Error()
	case ruling.Standing == istio.Refused:
		return refusal(ruling).Error()
	}
	return ""
}

// Suite returns the upgrade of a stack with two versions of Istio.
func Suite(s *stack.Stack, o Options) check.Suite {
	suite := check.Suite{Name: "upgrade", Checks: []check.Check{path(s, o), from(s, o)}}
	for i, layer := range o.Values {
		for _, j := range journeys() {
			suite.Checks = append(suite.Checks, travel(s, o, j, layer, i > 0))
		}
	}
	suite.Checks = append(suite.Checks, latency(s, o))
	for i := range suite.Checks {
		suite.Checks[i].Feature = "upgrade"
	}
	return suite
}

// path says by which rules the upgrade may be made.
func path(s *stack.Stack, o Options) check.Check {
	return check.Check{
		Name:    "path",
		Promise: "Istio supports this step from one version to the other on this Kubernetes",
		Gate:    true,
		Run: func(_ context.Context, t *check.T) {
			for _, method := range istio.Methods {
				ruling, err := judgePath(s, method)
				t.Expect(err).NotTo(gomega.HaveOccurred())
				t.Observe("%s: %s", ruling.Move, ruling.Standing)
				for _, reason := range ruling.Reasons {
					t.Observe("%s: %s (%s)", reason.Standing, reason.Text, reason.Source)
				}
				for _, b := range ruling.Met {
					t.Observe("%s %s: %s (%s)", b.Kind, b.Name, b.Text, b.Source)
				}
			}
			err := Refused(s)
			if o.Force && err != nil {
				t.Observe("FORCED: %v", err)
				err = nil
			}
			t.Diagnose("the step is not one that Istio supports", "istio-conformance plan shows the steps that are; FORCE=1 makes it all the same, and marks the verdict",
				"https://istio.io/latest/docs/setup/upgrade/")
			t.Expect(err).NotTo(gomega.HaveOccurred())
		},
	}
}

// from makes sure that there is something to upgrade from.
func from(s *stack.Stack, o Options) check.Check {
	return check.Check{
		Name:    "from",
		Promise: "the version to upgrade from is installed, and all of the control plane and the proxies have it",
		Gate:    true,
		Timeout: 10 * time.Minute,
		Run: func(ctx context.Context, t *check.T) {
			t.Diagnose("the version that the upgrade begins with does not install or does not become ready: this says nothing about the upgrade",
				"make e2e with this version first", "https://istio.io/latest/docs/setup/install/helm/")
			t.Expect(s.InstallError).NotTo(gomega.HaveOccurred())
			m := installation.New(s, o.Values[0])
			t.Expect(m.Begin(ctx, installation.Plain, s.FromCell.Istio)).To(gomega.Succeed())
			seen, err := m.Observe(ctx)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Observe("%s", seen)
		},
	}
}

// travel makes one journey as often as it is wanted. One that is only measured
// may lose requests.
func travel(s *stack.Stack, o Options, j journey, layer string, measured bool) check.Check {
	name, promise := j.name, j.promise
	if measured {
		name += "-with-" + layer + "-values"
		promise += " (measured only, with the " + layer + "' own values)"
	}
	return check.Check{
		Name: name, Promise: promise, Timeout: time.Duration(repetitions(o.Repeat).most()) * journeyTimeout,
		SkipIf: func() string {
			if o.Force {
				return ""
			}
			return whyNot(s, j)
		},
		Run: func(ctx context.Context, t *check.T) {
			var unmeasured []string
			todo := repetitions(o.Repeat)
			for i := 1; i <= todo.number; i++ {
				r := &run{Options: o, say: t.Say, stack: s, journey: j, layer: layer, measured: measured, repetition: i}
				u := r.travel(ctx)
				if err := context.Cause(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
					// It was interrupted on the way: that says nothing of the upgrade.
					t.Expect(err).NotTo(gomega.HaveOccurred(), "repetition %d of %d was stopped", i, todo.number)
				}
				todo.count(&u)
				t.RecordUpgrade(u)
				r.logf("%s", describe(&u))
				observe(t, &u)
				switch {
				case u.Again:
				case u.Verdict == report.VerdictInvalid:
					unmeasured = append(unmeasured, fmt.Sprintf("repetition %d of %d: %s", i, todo.number, strings.Join(u.Reasons, "; ")))
				default:
					diagnose(t, &u)
					t.Expect(u.Reasons).To(gomega.BeEmpty(), "repetition %d of %d: %s", i, todo.number, u.Verdict)
				}
			}
			if len(unmeasured) > 0 {
				// Not a failure of the new version: the recorded verdict makes the run invalid.
				t.SkipUnmeasured(report.VerdictInvalid, unmeasured...)
			}
		},
	}
}

// observe puts a journey and its steps down.
func observe(t *check.T, u *report.Upgrade) {
	t.Observe("#%d: %s", u.Repetition, describe(u))
	for _, step := range u.Steps {
		t.Observe("#%d %s", u.Repetition, describeStep(&step))
	}
}

// judgePath asks the table for the step of the stack.
func judgePath(s *stack.Stack, method istio.Method) (istio.Ruling, error) {
	table, err := istio.Load()
	if err != nil {
		return istio.Ruling{}, err
	}
	from, _, err := s.FromCell.Versions()
	if err != nil {
		return istio.Ruling{}, err
	}
	to, kubernetes, err := s.Cell.Versions()
	if err != nil {
		return istio.Ruling{}, err
	}
	return table.Judge(istio.Move{Method: method, From: from, To: to, Kubernetes: &kubernetes}), nil
}

func refusal(r istio.Ruling) error {
	return fmt.Errorf("%s on Kubernetes %s is refused: %w", r.Move, r.Move.Kubernetes, reasons(r.Worst()))
}
