// Package existing checks that the checks of suite install can be made in a cluster
// that somebody else has made, and that they change nothing there.
package existing

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Suite returns a suite of one check, which plays what install returns.
func Suite(s *stack.Stack, install func(*stack.Stack) check.Suite) check.Suite {
	return check.Suite{Name: "existing", Checks: []check.Check{readOnly(s, install)}}
}
