// Package verify checks that what the charts render is what the cluster has, and
// that everything which they start runs as it should.
package verify

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	return []check.Check{
		objects(s),
		workloads(s),
		images(s),
		webhooks(s),
		versions(s),
		warming(s),
	}
}
