package upgrade

import (
	"context"

	"istio-conformance/internal/mesh/istio"
)

// The legs of a journey.
const (
	legBefore   = "before"
	legForward  = "forward"
	legRollback = "rollback"
	legAgain    = "forward-again"
)

// layout is how the mesh is set up before a journey begins.
type layout string

const (
	// plain has one control plane without a revision's name.
	plain layout = "plain"
	// tagged is plain with a revision tag that namespace and gateway follow.
	tagged layout = "tagged"
)

// journey is one way to go from a version to another and back.
type journey struct {
	name, promise string
	layout        layout
	method        istio.Method
	// values means that the version stays and values change.
	values bool
	// steps returns the legs' steps; they are made in their order.
	steps func(m *mesh) []step
}

// step is one change and what must be true after it.
type step struct {
	leg, name string
	change    func(ctx context.Context) error
	// after is what runs which version when the step is done.
	after versions
}

// versions are what a state of the mesh consists of; of the control planes each
// is there, and nothing else.
type versions struct {
	base, gateway, workloads string
	controlPlanes            []string
}

// journeys are all, in the order in which they are made.
func journeys() []journey {
	return []journey{
		{
			name: "in-place", layout: plain, method: istio.InPlace, steps: inPlace,
			promise: "helm upgrade of base, istiod, gateway and workloads, the way back and forward again lose no request",
		},
		{
			name: "canary-revision", layout: plain, method: istio.Canary, steps: canaryRevision,
			promise: "a second control plane takes namespace and gateway over, gives them back, takes them again and becomes the only one, and no request is lost",
		},
		{
			name: "canary-tag", layout: tagged, method: istio.Canary, steps: canaryTag,
			promise: "a revision tag moves from one control plane to the other and back, namespace and gateway follow it, and no request is lost",
		},
		{
			name: "values", layout: plain, method: istio.InPlace, values: true, steps: changedValues,
			promise: "the same version with changed values, and back, loses no request",
		},
	}
}
