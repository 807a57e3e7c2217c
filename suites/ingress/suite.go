// Package ingress checks what the ingress gateway promises to traffic from
// outside the cluster, on real requests through its node port. Each feature of
// the gateway is a package below this one, with its checks and the ways to break
// them.
package ingress

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/ingress/direct"
	"istio-conformance/suites/ingress/nodeport"
	"istio-conformance/suites/ingress/retries"
	"istio-conformance/suites/ingress/timeouts"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

// features are what the suite is made of, in the order in which they run.
var features = []kit.Feature{
	{Name: "node-port", Checks: nodeport.Checks, Mutations: nodeport.Mutations},
	{Name: "direct-to-pods", Checks: direct.Checks, Mutations: direct.Mutations},
	{Name: "retries", Checks: retries.Checks, Mutations: retries.Mutations},
	{Name: "timeouts", Checks: timeouts.Checks, Mutations: timeouts.Mutations},
}

// Suite returns the ingress checks for a cluster with Istio and its gateway.
func Suite(s *stack.Stack) check.Suite {
	suite := kit.Suite(s, "ingress", features)
	suite.Checks = append([]check.Check{backends(s)}, suite.Checks...)
	for i := range suite.Checks {
		suite.Checks[i].SkipIf = s.WhyNotOurs
	}
	return suite
}

// Mutations returns the ways to break what the suite checks.
func Mutations() []mutation.Mutation {
	return append(backendMutations(), kit.Mutations(features)...)
}
