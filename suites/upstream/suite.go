// Package upstream runs the Gateway API's own conformance suite against Istio, each of its
// tests a check, and holds the results against what Istio's project publishes. It is
// `make gateway-api`.
package upstream

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/images/conformance"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/stack"
)

// suiteName is the name of the suite, and LogName and ReportName the files beside
// report.json: all that it wrote, and its report.
const (
	suiteName  = "gateway-api"
	LogName    = "gateway-api.log"
	ReportName = "gateway-api.yaml"
)

// Names of the checks that are no tests of the suite's.
const (
	setUpName  = "set-up"
	reportName = "report"
)

// wholeTimeout bounds the suite, whose tests have time limits of their own.
const wholeTimeout = 30 * time.Minute

// Upstream is the suite, and its run once it was started.
type Upstream struct {
	stack    *stack.Stack
	suite    *conformance.Suite
	profiles []conformance.Profile
	// claims are published. They are read when the version is known.
	claims *claims

	dir    string
	runner *runner
}

// New returns the suite with the profiles of a list, separated by commas.
func New(s *stack.Stack, suite *conformance.Suite, profiles string) (*Upstream, error) {
	u := &Upstream{stack: s, suite: suite}
	var known []string
	for _, p := range suite.Profiles {
		known = append(known, p.Name)
	}
	for name := range strings.SplitSeq(profiles, ",") {
		i := slices.Index(known, strings.TrimSpace(name))
		if i < 0 {
			return nil, exitcode.Usagef("GATEWAY_PROFILES=%s: the Gateway API's conformance suite %s has no profile %q; want some of %s, separated by commas", profiles, suite.Version, name, strings.Join(known, ", "))
		}
		u.profiles = append(u.profiles, suite.Profiles[i])
	}
	return u, nil
}

// ReadClaims reads what is published of the version that is tested.
func (u *Upstream) ReadClaims() (err error) {
	u.claims, err = readClaims(u.stack.Cell.Istio)
	return err
}

// Suite returns a check for each test of the chosen profiles: in the suite's order, those
// that it runs side by side last.
func (u *Upstream) Suite() check.Suite {
	suite := check.Suite{Name: suiteName, Checks: []check.Check{u.setUp()}}
	for _, parallel := range []bool{false, true} {
		for _, t := range u.suite.Tests {
			if t.Parallel == parallel && len(u.profilesOf(t)) > 0 {
				suite.Checks = append(suite.Checks, u.check(t))
			}
		}
	}
	suite.Checks = append(suite.Checks, u.report())
	return suite
}

// profilesOf are the chosen profiles that a test belongs to.
func (u *Upstream) profilesOf(t conformance.Test) []string {
	var names []string
	for _, p := range u.profiles {
		if p.Has(t) {
			names = append(names, p.Name)
		}
	}
	return names
}

// scope returns the profiles and the features with which the chosen tests run. The suite
// skips a test of which a feature is not said to be supported: those are what Istio
// claims. Tests that are chosen out of all get what they need.
func (u *Upstream) scope(chosen []string) (profiles, features []string) {
	features = slices.Clone(u.claims.Features)
	some := len(chosen) < len(u.Suite().Checks)
	for _, t := range u.suite.Tests {
		if !slices.Contains(chosen, t.Name) {
			continue
		}
		profiles = append(profiles, u.profilesOf(t)...)
		if some {
			features = append(features, t.Features...)
		}
	}
	return distinct(profiles), distinct(features)
}

func distinct(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// setUp waits until the suite's own set-up is over.
func (u *Upstream) setUp() check.Check {
	return check.Check{
		Name: setUpName, Feature: suiteName, Gate: true, Timeout: wholeTimeout,
		Promise: "istiod deploys the Gateways with which the Gateway API's conformance suite begins, and the suite's servers become ready",
		Run: func(ctx context.Context, t *check.T) {
			t.Diagnose("the set-up of the Gateway API's conformance suite fails, as it says", "look at the suite's pods and Gateways: kubectl get pods,gateways -A -l '!istio-conformance'", "https://gateway-api.sigs.k8s.io/concepts/conformance/")
			err := u.runner.wait(ctx, func(o *output) bool { return o.began })
			t.Expect(err).NotTo(gomega.HaveOccurred(), func() string { return complaint(u.runner.said()) })
			t.Observe("suite %s with definitions of the same version; profiles %s", u.suite.Version, strings.Join(u.names(), ", "))
			t.Observe("claimed by Istio's report on %s: %s", u.claims.GatewayAPI, u.claims.Link)
		},
	}
}

func (u *Upstream) names() []string {
	var names []string
	for _, p := range u.profiles {
		names = append(names, p.Name)
	}
	return names
}
