// Package order checks that the charts were installed in their order, into the
// namespace that an operator prepares first.
package order

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	return []check.Check{
		releases(s),
		namespace(s),
	}
}
