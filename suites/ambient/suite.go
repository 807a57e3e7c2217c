// Package ambient checks Istio's mode without sidecars: what ztunnel does for pods,
// on the way from one to another.
package ambient

import (
	"fmt"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/ambient/enrolment"
	"istio-conformance/suites/ambient/gateway"
	"istio-conformance/suites/ambient/identity"
	"istio-conformance/suites/ambient/policy"
	"istio-conformance/suites/ambient/restarts"
	"istio-conformance/suites/ambient/services"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

// features are what the suite is made of, in the order in which they run.
var features = []kit.Feature{
	{Name: "identity", Checks: &identity.Checks, Mutations: identity.Mutations},
	{Name: "policy", Checks: &policy.Checks, Mutations: policy.Mutations},
	{Name: "services", Checks: &services.Checks},
	{Name: "enrolment", Checks: &enrolment.Checks, Mutations: enrolment.Mutations},
	{Name: "gateway", Checks: &gateway.Checks, Mutations: gateway.Mutations},
	{Name: "resilience", Checks: &restarts.Checks, Mutations: restarts.Mutations},
}

// Suite returns the checks of the ambient profile.
func Suite(s *stack.Stack) check.Suite {
	return kit.Suite(s, "ambient", whyNot, features)
}

// whyNot says why the suite's checks cannot be made; empty when they can.
func whyNot(s *stack.Stack) string {
	if why := s.WhyNotOurs(); why != "" {
		return why
	}
	if s.Profile() != stack.ProfileAmbient {
		return fmt.Sprintf("ztunnel is not installed; PROFILE=%s installs it", stack.ProfileAmbient)
	}
	return ""
}

// Mutations returns the ways to break what the suite checks.
func Mutations() []mutation.Mutation { return kit.Mutations(features) }
