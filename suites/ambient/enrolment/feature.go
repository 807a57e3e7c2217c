// Package enrolment checks that pods come into the ambient mesh and leave it while
// they run.
package enrolment

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	return []check.Check{
		underTraffic(s),
		byNamespace(s),
	}
}
