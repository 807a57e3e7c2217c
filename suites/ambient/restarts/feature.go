// Package restarts checks what pods in the ambient mesh notice when parts of it
// are restarted. Its checks disturb all pods of the mesh, and run one by one.
package restarts

import "istio-conformance/suites/kit"

// Checks are the checks of this feature.
var Checks kit.Checks
