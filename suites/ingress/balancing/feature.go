// Package balancing checks how the gateway spreads requests over a Service's pods.
package balancing

import "istio-conformance/suites/kit"

// link is where the ways to balance are documented.
const link = "https://istio.io/latest/docs/reference/config/networking/destination-rule/#LoadBalancerSettings"

// Checks are the checks of this feature.
var Checks kit.Checks
