// Package faults checks that the gateway injects the faults that a route asks for,
// to the requests that it names and to no others.
package faults

import "istio-conformance/suites/kit"

// link is where faults are documented, and cause and fix are what every failed
// check of them has.
const (
	link  = "https://istio.io/latest/docs/tasks/traffic-management/fault-injection/"
	cause = "the gateway does not inject faults as the VirtualService says"
	fix   = "look at the route's typed_per_filter_config of envoy.filters.http.fault in the gateway's config dump in the evidence, and whether the listener has that filter once"
)

// Checks are the checks of this feature.
var Checks kit.Checks
