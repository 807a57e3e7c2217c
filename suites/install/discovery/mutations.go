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
			Name: "unready-endpoints-used", Promise: "requests to pods that are not ready are noticed",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				// Told of them, a proxy leaves them out unless too few others are left.
				kit.SetIstiodEnv(ctx, t, s, "PILOT_SEND_UNHEALTHY_ENDPOINTS", "true")
				mutation.ApplyFixture(ctx, t, s, "panic", map[string]string{"Namespace": stack.SystemNamespace})
			},
			Plays: "install/not-ready-unused", Fails: map[string]string{"install/not-ready-unused": "by all of its ready pods, and by no other"},
		},
		{
			Name: "namespace-not-discovered", Promise: "an istiod that does not look at a namespace is noticed",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				kit.EditMesh(ctx, t, s, "\ndiscoverySelectors:\n- matchLabels:\n    conformance: never\n")
			},
			Plays: "install:discovery",
			Fails: map[string]string{"install/endpoints-follow": "istiod has not sent", "install/not-ready-unused": "istiod has not sent"},
		},
		{
			Name: "requests-pinned", Promise: "a gateway that knows all pods of a backend and uses one of them is noticed",
			Break: mutation.WithFixture("pinned-requests", map[string]string{"Namespace": stack.SystemNamespace}),
			Plays: "install:discovery", Fails: map[string]string{
				"install/endpoints-follow": "by all of its ready pods, and by no other", "install/not-ready-unused": "by all of its ready pods, and by no other",
			},
		},
	}
}
