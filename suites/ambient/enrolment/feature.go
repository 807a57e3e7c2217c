// Package enrolment checks that pods come into the ambient mesh and leave it while
// they run.
package enrolment

import "istio-conformance/suites/kit"

// Checks are the checks of this feature.
var Checks kit.Checks
