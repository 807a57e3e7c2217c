package enrolment

import (
	"context"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/ambient/mesh"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	const cause = "istio-cni does not take a pod into the ambient mesh whose label asks for it"
	return []mutation.Mutation{
		{
			Name: "enrolment-by-other-label", Promise: "an istio-cni that enrols pods by another label is noticed",
			Profile: stack.ProfileAmbient,
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				mesh.SetAgentEnv(ctx, t, s, "AMBIENT_ENABLEMENT_SELECTOR", "- podSelector: {matchLabels: {conformance.test/mode: ambient}}")
			},
			Plays: "ambient:enrolment",
			Fails: map[string]string{"ambient/enrolled-under-traffic": cause, "ambient/enrolled-by-namespace": cause},
		},
	}
}
