// Package direct checks that the gateway connects to pods and never to a Service's
// virtual IP.
package direct

import "istio-conformance/suites/kit"

// Checks are the checks of this feature.
var Checks kit.Checks
