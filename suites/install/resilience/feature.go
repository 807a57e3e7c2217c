// Package resilience checks that traffic does not depend on istiod being there,
// and that the proxies find the next one.
package resilience

import (
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// Checks are the checks of this feature. They disturb istiod, and so run alone.
var Checks = kit.Checks{SkipIf: (*stack.Stack).WhyNotOurs}
