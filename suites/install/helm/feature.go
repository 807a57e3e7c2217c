// Package helm checks what Helm makes of Istio's charts after the first install:
// upgrades, rollbacks and values that nobody knows.
package helm

import "istio-conformance/suites/kit"

// Checks are the checks of this feature.
var Checks kit.Checks
