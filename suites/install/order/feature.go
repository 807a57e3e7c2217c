// Package order checks that the charts were installed in their order, into the
// namespace that an operator prepares first.
package order

import "istio-conformance/suites/kit"

// Checks are the checks of this feature.
var Checks kit.Checks
