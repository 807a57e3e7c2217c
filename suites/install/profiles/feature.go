// Package profiles checks the other ways to install Istio: with the CNI plugin
// instead of init containers, and without sidecars.
package profiles

import "istio-conformance/suites/kit"

// Checks are the checks of this feature.
var Checks kit.Checks
