// Package protocols checks what the gateway carries: versions of HTTP, gRPC,
// WebSocket, TCP, and requests at the edges of what a client may do.
package protocols

import "istio-conformance/suites/kit"

// docs is where Istio documents how a port's protocol is chosen.
const docs = "https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/"

// Checks are the checks of this feature.
var Checks kit.Checks
