// Package configuration checks istiod's first function: what is written to the
// API server reaches the proxies.
package configuration

import "istio-conformance/suites/kit"

// Checks are the checks of this feature.
var Checks kit.Checks
