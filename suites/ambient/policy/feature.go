// Package policy checks what ztunnel enforces without looking into connections:
// mutual TLS, and who may reach which port.
package policy

import "istio-conformance/suites/kit"

// Checks are the checks of this feature.
var Checks kit.Checks
