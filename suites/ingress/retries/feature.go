// Package retries checks that failed requests are tried again exactly as a route says.
package retries

import "istio-conformance/suites/kit"

// link is where a route's retries are documented.
const link = "https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRetry"

// Checks are the checks of this feature.
var Checks kit.Checks
