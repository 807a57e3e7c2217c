// Package crds checks that the cluster serves exactly the kinds and versions of
// the installed base chart, and judges objects by them.
package crds

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	return []check.Check{
		versions(s),
		established(s),
		stored(s),
		owned(s),
		noted(s),
		samplesAccepted(s),
		samplesRefused(s),
	}
}
