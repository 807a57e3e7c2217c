package ambientorder

import (
	"context"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the check proves.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "ztunnel-does-not-come-back", Promise: "a ztunnel that cannot be installed again is noticed",
			Profile: stack.ProfileAmbient,
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				mutation.MendInstallation(ctx, t, s)
				mutation.ApplyFixture(ctx, t, s, "no-ztunnel", nil)
			},
			Plays: "uninstall/ambient-order",
			Fails: map[string]string{"uninstall/ambient-order": "the ambient profile cannot be installed where Istio was before"},
		},
	}
}
