// Package balancing checks how the gateway spreads requests over a Service's pods.
package balancing

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// link is where the ways to balance are documented.
const link = "https://istio.io/latest/docs/reference/config/networking/destination-rule/#LoadBalancerSettings"

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	return []check.Check{
		random(s),
		roundRobin(s),
		leastRequest(s),
		subsets(s),
		consistentHash(s),
		hashAfterLoss(s),
		distribute(s),
		failover(s),
	}
}
