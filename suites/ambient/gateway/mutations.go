package gateway

import (
	"context"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "gateway-without-hbone", Promise: "a gateway that istiod no longer lets send by HBONE is noticed",
			Profile: stack.ProfileAmbient,
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				kit.SetIstiodEnv(ctx, t, s, "PILOT_ENABLE_SENDING_HBONE", "false")
			},
			Plays: "ambient/gateway-to-pod",
			Fails: map[string]string{"ambient/gateway-to-pod": "gets no answer from the route's destination"},
		},
	}
}
