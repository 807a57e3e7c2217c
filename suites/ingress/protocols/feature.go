// Package protocols checks what the gateway carries: versions of HTTP, gRPC,
// WebSocket, TCP, and requests at the edges of what a client may do.
package protocols

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// docs is where Istio documents how a port's protocol is chosen.
const docs = "https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/"

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	return []check.Check{
		httpVersions(s),
		grpcStreams(s),
		grpcRetries(s),
		webSocket(s),
		tcpByServerName(s),
		tcpPort(s),
		largeBodies(s),
		headerLimits(s),
		trailers(s),
		expectContinue(s),
		slowClient(s),
	}
}
