// Package injection checks istiod's fifth function: it makes pods part of the
// mesh where, and only where, the user says so. The pods are dry runs: the API
// server asks istiod for them as for any other.
package injection

import "istio-conformance/suites/kit"

// Checks are the checks of this feature.
var Checks kit.Checks
