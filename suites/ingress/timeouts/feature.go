// Package timeouts checks that slow requests end when a route says so.
package timeouts

import "istio-conformance/suites/kit"

// link is where a route's time-outs are documented.
const link = "https://istio.io/latest/docs/concepts/traffic-management/#timeouts"

// Checks are the checks of this feature.
var Checks kit.Checks
