// Package timeouts checks that slow requests end when a route says so.
package timeouts

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	return []check.Check{
		timeout(s),
	}
}
