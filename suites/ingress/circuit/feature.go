// Package circuit checks that the gateway keeps to the limits of a Service, and
// takes pods that fail out of the balance for a while.
package circuit

import "istio-conformance/suites/kit"

// Where limits and ejection are documented.
const (
	linkLimits   = "https://istio.io/latest/docs/reference/config/networking/destination-rule/#ConnectionPoolSettings"
	linkOutliers = "https://istio.io/latest/docs/reference/config/networking/destination-rule/#OutlierDetection"
)

// hidden is what to look at when a Service's limits have no effect.
const hidden = "look at this Service's cluster in the gateway's config dump in the evidence, and whether another DestinationRule hides the Service's own"

// Checks are the checks of this feature.
var Checks kit.Checks
