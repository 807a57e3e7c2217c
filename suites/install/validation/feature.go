// Package validation checks istiod's fourth function: it judges Istio's resources
// before they are stored. What each kind's rules are is feature crds.
package validation

import "istio-conformance/suites/kit"

// Checks are the checks of this feature.
var Checks kit.Checks
