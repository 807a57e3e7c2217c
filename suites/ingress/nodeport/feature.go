// Package nodeport checks how traffic from outside enters: by a node port, to a gateway
// pod, to every pod of the backend, and to none that is gone.
package nodeport

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	return []check.Check{
		reachesEveryPod(s),
		everyNode(s),
		goneAddress(s),
		localPolicy(s),
		replacedGateway(s.Beside()),
	}
}
