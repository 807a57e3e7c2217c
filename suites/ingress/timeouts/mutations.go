package timeouts

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
			Name: "timeout-stretched", Promise: "a gateway that waits longer than the route says is noticed",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				mutation.ApplyFixture(ctx, t, s, "slow-timeout", nil)
			},
			Plays: "ingress:timeouts,ingress:retries", Fails: map[string]string{"ingress/timeout": "does not end a request"},
		},
	}
}
