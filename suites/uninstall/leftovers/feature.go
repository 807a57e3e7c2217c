// Package leftovers checks what an uninstalled Istio leaves in the cluster and
// on its nodes.
package leftovers

import "istio-conformance/suites/kit"

// Checks are the checks of this feature.
var Checks kit.Checks
