package timeouts

import (
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "timeout-stretched", Promise: "a gateway that waits longer than the route says is noticed",
			Break: mutation.EveryRoute("{timeout: 4s}"),
			Plays: "ingress:timeouts,ingress/retries",
			Fails: map[string]string{"ingress/timeout": "does not end a request", "ingress/timeout-of-all-tries": "all tries", "ingress/timeout-of-streams": "does not cut a streaming response off"},
		},
		{
			Name: "streams-cut", Promise: "a gateway that ends responses although the route has no timeout is noticed",
			Break: mutation.EveryRoute("{max_stream_duration: {max_stream_duration: 2s}}"), Plays: "ingress/timeout-of-streams,ingress/timeout-of-all-tries",
			Fails: map[string]string{
				"ingress/timeout-of-streams": "although its route has no timeout",
				// Envoy takes a route's max_stream_duration instead of its timeout.
				"ingress/timeout-of-all-tries": "does not end all tries",
			},
		},
	}
}
