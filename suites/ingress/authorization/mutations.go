package authorization

import "istio-conformance/suites/mutation"

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "no-authorization", Promise: "a gateway that lets everybody in whatever its policies say is noticed",
			Break: mutation.WithFixture("filter-removed", map[string]string{"Filter": "envoy.filters.http.rbac"}), Plays: "ingress:authorization,ingress/retries",
			Fails: map[string]string{
				"ingress/authorization-deny": ignored, "ingress/authorization-allow": ignored,
				"ingress/authorization-address": ignored, "ingress/authorization-jwt": ignored,
			},
		},
		{
			Name: "no-tokens-read", Promise: "a gateway that does not read tokens is noticed",
			Break: mutation.WithFixture("filter-removed", map[string]string{"Filter": "envoy.filters.http.jwt_authn"}), Plays: "ingress:authorization",
			Fails: map[string]string{"ingress/authorization-jwt": "does not take and refuse tokens"},
		},
	}
}

// ignored is how the checks name the cause of a policy that is not acted on.
const ignored = "does not act on an AuthorizationPolicy"
