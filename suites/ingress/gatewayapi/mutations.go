package gatewayapi

import "istio-conformance/suites/mutation"

// caught is how the checks name the cause of an unknown host that is served.
const caught = "the gateway does not answer 404 for a host that no"

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "http-route-hidden-timeout", Promise: "a gateway that waits longer than an HTTPRoute says is noticed",
			Break: mutation.EveryRoute("{timeout: 4s}"), Plays: "ingress:gateway-api",
			Fails: map[string]string{"ingress/http-route-filters": "at the HTTPRoute's time-out"},
		},
		{
			Name: "http-route-versions-ignored", Promise: "a gateway that sends requests elsewhere than an HTTPRoute says is noticed",
			Break: mutation.WithFixture("versions-ignored", nil), Plays: "ingress/http-route-match,ingress/http-route-weights,ingress/route-weights,ingress/route-mirror,ingress/balance-subset,ingress/unknown-host",
			Fails: map[string]string{
				"ingress/http-route-match": "does not take the rule of the HTTPRoute", "ingress/http-route-weights": "by the weights of the HTTPRoute",
				"ingress/route-weights": "by the weights of the VirtualService", "ingress/route-mirror": "by its own route's version",
				"ingress/balance-subset": "that do not have the subset's labels",
			},
		},
		{
			Name: "hosts-caught", Promise: "a route that catches the hosts that no route names is noticed",
			Break: mutation.WithFixture("catch-all", nil), Plays: "ingress:gateway-api,ingress:routing",
			Fails: map[string]string{"ingress/http-route-match": caught, "ingress/unknown-host": caught},
		},
	}
}
