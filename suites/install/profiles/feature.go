// Package profiles checks the other ways to install Istio: with the CNI plugin
// instead of init containers, and without sidecars.
package profiles

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	return []check.Check{
		ambientCharts(s),
		cni(s),
	}
}
