// Package routing checks that each request takes the route that its VirtualService
// gives it, and is changed on the way as that says.
package routing

import "istio-conformance/suites/kit"

// link is where the fields of a route are documented.
const link = "https://istio.io/latest/docs/reference/config/networking/virtual-service/"

// Checks are the checks of this feature.
var Checks kit.Checks
