package gatewayapi

import "istio-conformance/suites/mutation"

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "http-route-hidden-timeout", Promise: "a gateway that waits longer than an HTTPRoute says is noticed",
			Break: mutation.WithFixture("slow-timeout", nil), Plays: "ingress:gateway-api",
			Fails: map[string]string{"ingress/http-route-filters": "filters of an HTTPRoute"},
		},
	}
}
