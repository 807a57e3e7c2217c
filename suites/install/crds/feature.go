// Package crds checks that the cluster serves exactly the kinds and versions of
// the installed base chart, and judges objects by them.
package crds

import "istio-conformance/suites/kit"

// Checks are the checks of this feature.
var Checks kit.Checks
