// Package existing checks that the suite's own checks can be made in a cluster that
// somebody else has made, and that they change nothing there.
package existing

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Checks returns the check of this feature; suite returns what it plays.
func Checks(s *stack.Stack, suite func(*stack.Stack) check.Suite) []check.Check {
	return []check.Check{readOnly(s, suite)}
}
