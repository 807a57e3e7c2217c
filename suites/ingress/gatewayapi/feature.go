// Package gatewayapi checks that the gateway does for a Kubernetes HTTPRoute what
// it does for a VirtualService.
package gatewayapi

import (
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// link is where HTTPRoutes are documented, and fix is what to look at first.
const (
	link = "https://gateway-api.sigs.k8s.io/reference/spec/#httproute"
	fix  = "look at the conditions of the Gateway and the HTTPRoute, and at this host's routes in the gateway's config dump in the evidence"
)

// Checks are the checks of this feature.
var Checks = kit.Checks{SkipIf: func(s *stack.Stack) string {
	return s.OursAlone("puts a Gateway into the namespace of the gateway, and installs the Gateway API where it is missing")()
}}
