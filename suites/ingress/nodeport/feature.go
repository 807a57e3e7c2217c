// Package nodeport checks how traffic from outside enters: by a node port, to a gateway
// pod, to every pod of the backend, and to none that is gone.
package nodeport

import "istio-conformance/suites/kit"

// Checks are the checks of this feature.
var Checks kit.Checks
