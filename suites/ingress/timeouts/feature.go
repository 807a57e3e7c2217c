// Package timeouts checks that slow requests end when a route says so.
package timeouts

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// link is where a route's time-outs are documented.
const link = "https://istio.io/latest/docs/concepts/traffic-management/#timeouts"

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check {
	return []check.Check{
		timeout(s),
		withinTotal(s),
		streams(s),
		idle(s),
	}
}
