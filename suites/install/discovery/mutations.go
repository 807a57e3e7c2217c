package discovery

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
			Name: "unready-endpoints-sent", Promise: "an istiod that tells proxies of pods which are not ready is noticed",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				kit.SetIstiodEnv(ctx, t, s, "PILOT_SEND_UNHEALTHY_ENDPOINTS", "true")
			},
			Plays: "install:discovery", Fails: map[string]string{"install/not-ready-unused": "istiod's view of a Service differs"},
		},
		{
			Name: "namespace-not-discovered", Promise: "an istiod that does not look at a namespace is noticed",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				kit.EditMesh(ctx, t, s, "\ndiscoverySelectors:\n- matchLabels:\n    conformance: never\n")
			},
			Plays: "install:discovery",
			Fails: map[string]string{"install/endpoints-follow": "within 30s", "install/not-ready-unused": "within 30s"},
		},
	}
}
