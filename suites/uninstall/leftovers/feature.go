// Package leftovers checks what an uninstalled Istio leaves in the cluster and
// on its nodes.
package leftovers

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	return []check.Check{
		uninstalls(s),
		objects(s),
		nodes(s),
	}
}
