package retries

import (
	"context"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "retries-cut", Promise: "a gateway that retries less than the route says is noticed",
			// The routes to patch come with the checks, which wait until they are served.
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				mutation.ApplyFixture(ctx, t, s, "no-retries", nil)
			},
			Plays: "ingress:retries,ingress:timeouts", Fails: map[string]string{"ingress/retries": "does not retry"},
		},
	}
}
