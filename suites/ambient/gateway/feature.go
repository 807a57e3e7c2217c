// Package gateway checks what of the ambient mode needs an Envoy: the ingress
// gateway before pods in the mesh, and waypoints, which judge and route HTTP.
package gateway

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	return []check.Check{toPod(s), waypoint(s)}
}
