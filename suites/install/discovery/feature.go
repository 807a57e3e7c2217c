// Package discovery checks istiod's second function: the proxies know the pods
// behind a Service, as they come and go.
package discovery

import (
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// Checks are the checks of this feature.
var Checks = kit.Checks{SkipIf: (*stack.Stack).WhyNotRouted}
