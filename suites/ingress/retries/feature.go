// Package retries checks that failed requests are tried again exactly as a route says.
package retries

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// link is where a route's retries are documented.
const link = "https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRetry"

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	return []check.Check{
		retries(s),
		classes(s),
		perTry(s),
		refused(s),
		anotherPod(s),
	}
}
