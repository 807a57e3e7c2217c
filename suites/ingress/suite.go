// Package ingress checks what the ingress gateway promises to traffic from
// outside the cluster, on real requests through its node port.
package ingress

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Suite returns the ingress checks for a cluster with Istio and its gateway.
func Suite(s *stack.Stack) check.Suite {
	suite := check.Suite{Name: "ingress", Checks: []check.Check{
		backends(s),
		nodePort(s),
		endpoints(s),
		withoutClusterIP(s),
		retries(s),
		timeout(s),
	}}
	for i := range suite.Checks {
		suite.Checks[i].SkipIf = s.WhyNotOurs
	}
	return suite
}
