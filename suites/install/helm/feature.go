// Package helm checks what Helm makes of Istio's charts after the first install:
// upgrades, rollbacks and values that nobody knows.
package helm

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	return []check.Check{
		schema(s),
		upgradeTwice(s),
		rollback(s),
	}
}
