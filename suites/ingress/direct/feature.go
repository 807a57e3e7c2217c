// Package direct checks that the gateway connects to pods and never to a Service's
// virtual IP.
package direct

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	return []check.Check{
		endpoints(s),
		followsScale(s),
		followsHealth(s),
		connectionTable(s),
		headless(s),
		externalName(s),
		serviceEntry(s),
		withoutClusterIP(s),
		withoutKubeProxy(s),
	}
}
