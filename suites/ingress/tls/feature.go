// Package tls checks how the gateway ends TLS, or leaves it to the backend.
package tls

import "istio-conformance/suites/kit"

// docs is where Istio documents TLS at a gateway.
const docs = "https://istio.io/latest/docs/tasks/traffic-management/ingress/secure-ingress/"

// Checks are the checks of this feature.
var Checks kit.Checks
