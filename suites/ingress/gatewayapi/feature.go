// Package gatewayapi checks that the gateway does for a Kubernetes HTTPRoute what
// it does for a VirtualService.
package gatewayapi

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// link is where HTTPRoutes are documented, and fix is what to look at first.
const (
	link = "https://gateway-api.sigs.k8s.io/reference/spec/#httproute"
	fix  = "look at the conditions of the Gateway and the HTTPRoute, and at this host's routes in the gateway's config dump in the evidence"
)

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	checks := []check.Check{
		matches(s),
		weights(s),
		filters(s),
	}
	for i := range checks {
		checks[i].SkipIf = s.OursAlone("puts a Gateway into the namespace of the gateway, and installs the Gateway API where it is missing")
	}
	return checks
}
