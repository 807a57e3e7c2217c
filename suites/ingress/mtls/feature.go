// Package mtls checks mutual TLS between the gateway and the backends: who the
// backend sees, and which clients a port takes.
package mtls

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// docs is where Istio documents the modes.
const docs = "https://istio.io/latest/docs/concepts/security/#peer-authentication"

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	return []check.Check{
		identity(s),
		modes(s),
	}
}
