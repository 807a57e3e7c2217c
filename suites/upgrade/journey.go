package upgrade

import (
	"context"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/suites/upgrade/installation"
)

// The legs of a journey.
const (
	legBefore   = "before"
	legForward  = "forward"
	legRollback = "rollback"
	legAgain    = "forward-again"
)

// journey is one way to go from a version to another and back.
type journey struct {
	name, promise string
	layout        installation.Layout
	method        istio.Method
	// values means that the version stays and values change.
	values bool
	// steps returns the legs' steps; they are made in their order.
	steps func(m *installation.Mesh) []step
}

// step is one change and what must be true after it.
type step struct {
	leg, name string
	change    func(ctx context.Context) error
	// after is what runs which version when the step is done.
	after installation.Versions
}

// journeys are all, in the order in which they are made.
func journeys() []journey {
	return []journey{
		{
			name: "in-place", layout: installation.Plain, method: istio.InPlace, steps: inPlace,
			promise: "helm upgrade of base, istiod, gateway and workloads, the way back and forward again lose no request",
		},
		{
			name: "canary-revision", layout: installation.Plain, method: istio.Canary, steps: canaryRevision,
			promise: "a second control plane takes namespace and gateway over, gives them back, takes them again and becomes the only one, and no request is lost",
		},
		{
			name: "canary-tag", layout: installation.Tagged, method: istio.Canary, steps: canaryTag,
			promise: "a revision tag moves from one control plane to the other and back, namespace and gateway follow it, and no request is lost",
		},
		{
			name: "managed-gateway", layout: installation.Managed, method: istio.InPlace, steps: managedGateway,
			promise: "a gateway that istiod deploys for a Gateway of the Gateway API follows istiod to the new version, back and forward again, and no request is lost",
		},
		{
			name: "managed-gateway-revision", layout: installation.Managed, method: istio.Canary, steps: managedRevision,
			promise: "a gateway that istiod deploys is taken over by a second control plane by the Gateway's revision label, given back and taken again, and no request is lost",
		},
		{
			name: "values", layout: installation.Plain, method: istio.InPlace, values: true, steps: changedValues,
			promise: "the same version with changed values, and back, loses no request",
		},
	}
}
