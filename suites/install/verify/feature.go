// Package verify checks that what the charts render is what the cluster has, and
// that everything which they start runs as it should.
package verify

import "istio-conformance/suites/kit"

// Checks are the checks of this feature.
var Checks kit.Checks
