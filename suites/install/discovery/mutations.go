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
			Plays: "install/not-ready-unused", Fails: map[string]string{"install/not-ready-unused": "gone or not ready"},
		},
		{
			Name: "namespace-not-discovered", Promise: "an istiod that does not look at a namespace is noticed",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				kit.EditMesh(ctx, t, s, "\ndiscoverySelectors:\n- matchLabels:\n    conformance: never\n")
			},
			Plays: "install:discovery",
			Fails: map[string]string{"install/endpoints-follow": "istiod sent the gateway no listener", "install/not-ready-unused": "istiod sent the gateway no listener"},
		},
		{
			Name: "requests-pinned", Promise: "a gateway that knows all pods of a backend and uses one of them is noticed",
			Break: mutation.WithFixture("pinned-requests", map[string]string{"Namespace": stack.SystemNamespace}),
			Plays: "install:discovery", Fails: map[string]string{
				"install/endpoints-follow": "does not spread requests over them", "install/not-ready-unused": "does not spread requests over them",
			},
		},
	}
}
