package routing

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
			Name: "route-removed", Promise: "a route that is missing from the gateway is noticed",
			Break: without("regex"),
			Plays: "ingress/route-match,ingress/route-weights", Fails: map[string]string{"ingress/route-match": "does not take the route"},
		},
		{
			Name: "mirror-removed", Promise: "a route that is missing, so that its requests take one without a mirror, is noticed",
			Break: without("mirror-all"),
			Plays: "ingress/route-mirror,ingress/route-rewrite", Fails: map[string]string{"ingress/route-mirror": "does not mirror requests"},
		},
		{
			Name: "rewrite-removed", Promise: "a route that is missing, so that its requests take one that changes nothing, is noticed",
			Break: without("rewrite"),
			Plays: "ingress/route-rewrite,ingress/route-redirect,ingress/route-mirror", Fails: map[string]string{"ingress/route-rewrite": "does not change a request"},
		},
		{
			Name: "answer-removed", Promise: "a request that reaches the backend although the gateway must answer it is noticed",
			Break: without("direct"),
			Plays: "ingress/route-redirect,ingress/route-rewrite", Fails: map[string]string{"ingress/route-redirect": "does not answer by itself"},
		},
		{
			Name: "cors-filter-removed", Promise: "a gateway without the filter for cross-origin requests is noticed",
			Break: mutation.WithFixture("filter-removed", map[string]string{"Filter": "envoy.filters.http.cors"}),
			Plays: "ingress/route-cors,ingress/route-redirect", Fails: map[string]string{"ingress/route-cors": "corsPolicy"},
		},
	}
}

// without takes the route of a name away from every host.
func without(route string) func(context.Context, *check.T, *stack.Stack) {
	return mutation.WithFixture("route-removed", map[string]string{"Route": route})
}
