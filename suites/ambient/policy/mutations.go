package policy

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
			Name: "policies-withheld", Promise: "policies that never reach ztunnel are noticed",
			Profile: stack.ProfileAmbient,
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				kit.SetIstiodEnv(ctx, t, s, "PILOT_IGNORE_RESOURCES", "peerauthentications.security.istio.io,authorizationpolicies.security.istio.io")
			},
			Plays: "ambient:policy",
			Fails: map[string]string{
				"ambient/strict": "ztunnel lets plain text through", "ambient/authorization": "ztunnel lets in whom an AuthorizationPolicy does not name",
				"ambient/http-rule-without-waypoint": "lets everybody in",
			},
		},
	}
}
