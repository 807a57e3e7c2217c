// Package reinstall checks that Istio can be installed where it was before.
package reinstall

import "istio-conformance/suites/kit"

// Checks are the checks of this feature.
var Checks kit.Checks
