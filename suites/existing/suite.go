// Package existing checks that checks can be made in a cluster that somebody else has
// made, and that they change nothing there but what is said.
package existing

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Suite returns the checks, which play what install and ingress return.
func Suite(s *stack.Stack, install, ingress func(*stack.Stack) check.Suite) check.Suite {
	return check.Suite{Name: "existing", Checks: []check.Check{readOnly(s, install), oneNamespace(s, install, ingress)}}
}
