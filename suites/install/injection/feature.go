// Package injection checks istiod's fifth function: it makes pods part of the
// mesh where, and only where, the user says so. The pods are dry runs: the API
// server asks istiod for them as for any other.
package injection

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	return []check.Check{
		labels(s),
		sidecar(s),
		kubeInject(s),
	}
}
