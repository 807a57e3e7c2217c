// Package retries checks that failed requests are tried again exactly as a route says.
package retries

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	return []check.Check{
		retries(s),
	}
}
