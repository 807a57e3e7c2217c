// Package certificates checks istiod's third function: every workload has a
// certificate of its own, renewed in time, and mutual TLS keeps out who has none.
package certificates

import "istio-conformance/suites/kit"

// Checks are the checks of this feature.
var Checks kit.Checks
