// Package restarts checks what pods in the ambient mesh notice when parts of it
// are restarted. Its checks disturb all pods of the mesh, and run one by one.
package restarts

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check { return []check.Check{ztunnelRestarted(s), cniDown(s)} }
