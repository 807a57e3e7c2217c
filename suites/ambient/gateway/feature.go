// Package gateway checks what of the ambient mode needs an Envoy: the ingress
// gateway before pods in the mesh, and waypoints, which judge and route HTTP.
package gateway

import "istio-conformance/suites/kit"

// Checks are the checks of this feature.
var Checks kit.Checks
