package resilience

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
			Name: "gateway-cannot-reconnect", Promise: "a proxy that keeps its connection to istiod and finds no other is noticed",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				kit.CutOffGateway(ctx, t, s, "-m conntrack --ctstate NEW")
			},
			Plays: "install/istiod-killed", Fails: map[string]string{"install/istiod-killed": "a proxy does not find the new istiod"},
		},
		{
			Name: "eviction-forbidden", Promise: "an istiod whose node cannot be drained is noticed",
			Break: mutation.WithFixture("no-eviction", map[string]string{"Namespace": stack.SystemNamespace}),
			Plays: "install/istiod-drained", Fails: map[string]string{"install/istiod-drained": "the eviction of an istiod is refused"},
		},
	}
}
