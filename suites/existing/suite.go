// Package existing checks that the checks of suite install can be made in a cluster
// that somebody else has made, and that they change nothing there.
package existing

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// Suite returns a suite of one check, which plays what install returns.
func Suite(s *stack.Stack, install func(*stack.Stack) check.Suite) check.Suite {
	return kit.Suite(s, "existing", []kit.Feature{{Name: "existing", Checks: func(s *stack.Stack) []check.Check {
		return []check.Check{readOnly(s, install)}
	}}})
}
