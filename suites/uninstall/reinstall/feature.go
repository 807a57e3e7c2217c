// Package reinstall checks that Istio can be installed where it was before.
package reinstall

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check { return []check.Check{reinstalls(s)} }
