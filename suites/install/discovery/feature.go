// Package discovery checks istiod's second function: the proxies know the pods
// behind a Service, as they come and go.
package discovery

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	checks := []check.Check{
		endpointsFollow(s),
		notReady(s),
	}
	for i := range checks {
		checks[i].SkipIf = s.WhyNotRouted
	}
	return checks
}
