// Package configuration checks istiod's first function: what is written to the
// API server reaches the proxies.
package configuration

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	return []check.Check{
		istiodAvailable(s),
		xds(s),
		propagation(s),
	}
}
