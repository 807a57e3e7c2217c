package managed

import "istio-conformance/suites/mutation"

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{{
		Name: "managed-denied", Promise: "a policy that shuts everybody out of a gateway that istiod deployed is noticed, by every protocol",
		Break: mutation.WithFixture("managed-denied", nil), Plays: "ingress/grpc-route,ingress/tls-route,ingress/tcp-route",
		Fails: map[string]string{
			"ingress/grpc-route": "does not serve a GRPCRoute", "ingress/tls-route": "does not serve a TLSRoute", "ingress/tcp-route": "does not serve a TCPRoute",
		},
	}}
}
