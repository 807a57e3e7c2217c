package routing

import "istio-conformance/suites/mutation"

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "route-removed", Promise: "a route that is missing from the gateway is noticed",
			Break: mutation.WithFixture("route-removed", map[string]string{"Route": "regex"}),
			Plays: "ingress/route-match,ingress/route-weights", Fails: map[string]string{"ingress/route-match": "does not take the route"},
		},
		{
			Name: "cors-filter-removed", Promise: "a gateway without the filter for cross-origin requests is noticed",
			Break: mutation.WithFixture("filter-removed", map[string]string{"Filter": "envoy.filters.http.cors"}),
			Plays: "ingress/route-cors,ingress/route-redirect", Fails: map[string]string{"ingress/route-cors": "corsPolicy"},
		},
	}
}
