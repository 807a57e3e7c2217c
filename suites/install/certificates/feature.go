// Package certificates checks istiod's third function: every workload has a
// certificate of its own, renewed in time, and mutual TLS keeps out who has none.
package certificates

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	return []check.Check{
		identity(s),
		rotation(s),
		strict(s),
	}
}
