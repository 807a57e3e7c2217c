// Package resilience checks that traffic does not depend on istiod being there,
// and that the proxies find the next one.
package resilience

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Checks returns the checks of this feature. They disturb istiod, and so run alone.
func Checks(s *stack.Stack) []check.Check {
	checks := []check.Check{
		istiodKilled(s),
		istiodDrained(s),
	}
	for i := range checks {
		checks[i].SkipIf = s.WhyNotOurs
	}
	return checks
}
