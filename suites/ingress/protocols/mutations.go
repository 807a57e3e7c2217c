package protocols

import (
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "small-bodies-only", Promise: "a gateway that refuses large bodies is noticed",
			Break: mutation.WithFixture("body-limit", nil),
			Plays: "ingress/large-bodies,ingress/http-versions,ingress/expect-continue",
			Fails: map[string]string{
				"ingress/large-bodies": "does not carry a large body whole",
				// What is held back until it is whole is held back from a backend that must ask for it.
				"ingress/expect-continue": "does not get it",
			},
		},
		{
			Name: "small-heads-only", Promise: "a gateway that refuses heads below Envoy's limit is noticed",
			Break: mutation.WithFixture("connection-manager", map[string]string{"Setting": "max_request_headers_kb: 8"}),
			Plays: "ingress/header-limits,ingress/http-versions", Fails: map[string]string{"ingress/header-limits": "does not keep to the limit of a head"},
		},
		{
			Name: "trailers-dropped", Promise: "a filter that drops a trailer is noticed",
			Break: mutation.WithFixture("trailer-dropped", map[string]string{"Trailer": "x-trailer"}),
			Plays: "ingress/trailers,ingress/grpc-unary-and-streams,ingress/http-versions", Fails: map[string]string{"ingress/trailers": "drops trailers of HTTP/2"},
		},
		{
			Name: "grpc-retries-cut", Promise: "a gateway that retries gRPC less than the route says is noticed",
			Break: mutation.EveryRoute("{retry_policy: {num_retries: 1}}"),
			Plays: "ingress/grpc-retries,ingress/grpc-unary-and-streams", Fails: map[string]string{"ingress/grpc-retries": "does not retry gRPC"},
		},
	}
}
