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
			Plays: "ingress:protocols",
			Fails: map[string]string{
				"ingress/large-bodies": "does not carry a large body whole",
				// What is held back until it is whole is held back from a backend that must ask for it.
				"ingress/expect-continue": "does not get it", "ingress/grpc-unary-and-streams": "does not pass the gateway whole", "ingress/websocket": "does not upgrade a connection",
			},
		},
		{
			Name: "small-heads-only", Promise: "a gateway that refuses heads below Envoy's limit is noticed",
			Break: mutation.WithFixture("connection-manager", map[string]string{"Setting": "max_request_headers_kb: 8"}),
			Plays: "ingress/header-limits,ingress/http-versions", Fails: map[string]string{"ingress/header-limits": "does not keep to the limit of a head"},
		},
		{
			Name: "http1-only", Promise: "a gateway that takes HTTP/1.1 from its clients and nothing else is noticed",
			Break: mutation.WithFixture("connection-manager", map[string]string{"Setting": "codec_type: HTTP1"}),
			Plays: "ingress:protocols", Fails: map[string]string{
				"ingress/http-versions": "does not speak the version of HTTP", "ingress/large-bodies": "does not answer a small request",
				"ingress/grpc-unary-and-streams": notLed, "ingress/grpc-retries": notLed, "ingress/trailers": "does not answer a request of HTTP/2 that has a trailer",
			},
		},
		{
			Name: "slow-heads-refused", Promise: "a gateway that gives up a client whose head comes slowly is noticed",
			Break: mutation.WithFixture("connection-manager", map[string]string{"Setting": "request_headers_timeout: 0.5s"}),
			Plays: "ingress:protocols", Fails: map[string]string{"ingress/slow-client": "does not wait for a slow client"},
		},
		{
			Name: "trailers-dropped", Promise: "a filter that drops a trailer is noticed",
			Break: mutation.WithFixture("trailer-dropped", map[string]string{"Trailer": "x-trailer"}),
			Plays: "ingress/trailers,ingress/grpc-unary-and-streams,ingress/http-versions", Fails: map[string]string{"ingress/trailers": "drops trailers of HTTP/2"},
		},
		{
			Name: "tcp-cut", Promise: "a gateway that ends TCP connections at once is noticed, and only where it does not speak HTTP",
			Break: mutation.WithFixture("tcp-cut", nil), Plays: "ingress/tcp-and-half-close,ingress/tcp-port,ingress/websocket,ingress/http-versions",
			Fails: map[string]string{"ingress/tcp-and-half-close": "does not carry bytes by TCP", "ingress/tcp-port": "no byte comes back"},
		},
		{
			Name: "grpc-retries-cut", Promise: "a gateway that retries gRPC less than the route says is noticed",
			Break: mutation.EveryRoute("{retry_policy: {num_retries: 1}}"),
			Plays: "ingress/grpc-retries,ingress/grpc-unary-and-streams", Fails: map[string]string{"ingress/grpc-retries": "does not retry gRPC"},
		},
	}
}

// notLed is how the checks name the cause of calls that are never answered.
const notLed = "does not lead gRPC to the backend"
