package wire

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
			Name: "chunked-length-allowed", Promise: "a gateway that takes a length and chunks in one request is noticed",
			Break: with("http_protocol_options: {allow_chunked_length: true}"), Plays: "ingress:wire",
			Fails: map[string]string{"ingress/request-framing": "two servers may understand differently"},
		},
		{
			Name: "escaped-slashes-resolved", Promise: "a gateway that resolves escaped slashes, which Istio by default does not, is noticed",
			Break: with("path_with_escaped_slashes_action: UNESCAPE_AND_FORWARD"), Plays: "ingress:wire",
			Fails: map[string]string{"ingress/path-normalisation": "by another path than Istio's default normalisation"},
		},
		{
			Name: "empty-frames-tolerated", Promise: "a gateway that takes any number of empty HTTP/2 frames is noticed",
			Break: with("http2_protocol_options: {max_consecutive_inbound_frames_with_empty_payload: 4000000000}"), Plays: "ingress:wire",
			Fails: map[string]string{"ingress/http2-floods": "floods it with empty-data frames"},
		},
	}
}

// with changes the gateway's HTTP connection manager.
func with(setting string) func(context.Context, *check.T, *stack.Stack) {
	return mutation.WithFixture("connection-manager", map[string]string{"Setting": setting})
}
