// Package routing checks that each request takes the route that its VirtualService
// gives it, and is changed on the way as that says.
package routing

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// link is where the fields of a route are documented.
const link = "https://istio.io/latest/docs/reference/config/networking/virtual-service/"

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	return []check.Check{
		matches(s),
		unknownHost(s),
		weights(s),
		mirrors(s),
		changes(s),
		redirects(s),
		cors(s),
	}
}
