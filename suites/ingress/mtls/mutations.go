package mtls

import (
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "plaintext-to-backends", Promise: "a gateway that goes to the backends without mutual TLS is noticed",
			Break: mutation.WithFixture("plaintext-backends", nil),
			Plays: "ingress/mtls-identity,ingress/mtls-modes,ingress/retries", Fails: map[string]string{"ingress/mtls-identity": "not mutual TLS with Istio's identities"},
		},
		{
			// The pod of the modes is made anew by its check, and so without a sidecar.
			Name: "strict-without-sidecar", Promise: "a pod that must take mutual TLS only and has no sidecar is noticed",
			Break: kit.WithoutInjection,
			Plays: "ingress:mtls", Fails: map[string]string{"ingress/mtls-modes": "mutual TLS is true"},
		},
	}
}
