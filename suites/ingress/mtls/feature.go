// Package mtls checks mutual TLS between the gateway and the backends: who the
// backend sees, and which clients a port takes.
package mtls

import "istio-conformance/suites/kit"

// docs is where Istio documents the modes.
const docs = "https://istio.io/latest/docs/concepts/security/#peer-authentication"

// Checks are the checks of this feature.
var Checks kit.Checks
