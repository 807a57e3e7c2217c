// Package validation checks istiod's fourth function: it judges Istio's resources
// before they are stored. What each kind's rules are is feature crds.
package validation

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	return []check.Check{
		validation(s),
		istiodDown(s),
	}
}
