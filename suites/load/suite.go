// Package load checks what the ingress gateway costs: its latency under load,
// measured against the same backend without it. A measurement that is none, for
// reasons of the machine, is neither a pass nor a failure.
package load

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

// Mode is how much is measured.
type Mode string

// The modes. Short is part of every run and takes 40 s to a minute and a half; Full takes
// half an hour and also draws the curve over the rates and measures from
// several pods at once.
const (
	Short Mode = "short"
	Full  Mode = "full"
)

// feature is what the suite's checks are about.
const feature = "gateway-latency"

// Suite returns the load checks for a cluster with Istio and its gateway.
func Suite(s *stack.Stack, mode Mode) check.Suite {
	suite := check.Suite{Name: "load", Checks: []check.Check{gatewayVsDirect(s, mode)}}
	if mode == Full {
		suite.Checks = append(suite.Checks, capacity(s), distributed(s))
	}
	for i := range suite.Checks {
		suite.Checks[i].SkipIf, suite.Checks[i].Feature = kit.SkipFirst(s.WhyNotRouted, suite.Checks[i].SkipIf), feature
	}
	return suite
}

// Mutations returns the ways to break what the suite checks.
func Mutations() []mutation.Mutation { return mutations() }
