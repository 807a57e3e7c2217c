// Package policy checks what ztunnel enforces without looking into connections:
// mutual TLS, and who may reach which port.
package policy

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	return []check.Check{
		strict(s),
		allow(s),
		httpRule(s),
	}
}
