// Package tls checks how the gateway ends TLS, or leaves it to the backend.
package tls

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// docs is where Istio documents TLS at a gateway.
const docs = "https://istio.io/latest/docs/tasks/traffic-management/ingress/secure-ingress/"

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	return []check.Check{
		byServerName(s),
		clientCertificates(s),
		passthrough(s),
		versions(s),
		redirect(s),
		replacedSecret(s),
		brokenSecret(s.Beside()),
	}
}
