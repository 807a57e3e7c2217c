package tls

import (
	"context"
	"encoding/base64"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "wrong-certificate", Promise: "a gateway that shows another certificate than a host's Secret holds is noticed",
			Break: wrongCertificate, Plays: "ingress/tls-by-server-name,ingress/https-redirect,ingress/tls-passthrough,ingress/mtls-identity",
			Fails: map[string]string{
				"ingress/tls-by-server-name": "a certificate that is not the Secret's", "ingress/https-redirect": "a certificate that is not the Secret's",
				// Its TLS, which the gateway must not end, ends there with that certificate too.
				"ingress/tls-passthrough": "TLS ends before the backend",
			},
		},
		{
			Name: "any-client-certificate", Promise: "a gateway that takes a client's certificate without asking who issued it is noticed",
			Break: mutation.WithFixture("any-client", nil), Plays: "ingress/tls-client-certificate,ingress/tls-by-server-name",
			Fails: map[string]string{"ingress/tls-client-certificate": "does not check the client's certificate"},
		},
		{
			Name: "old-tls-version", Promise: "a gateway that takes a lower version of TLS than the Gateway says is noticed",
			Break: mutation.WithFixture("old-tls", nil), Plays: "ingress/tls-versions-and-ciphers,ingress/tls-by-server-name",
			Fails: map[string]string{"ingress/tls-versions-and-ciphers": "does not keep to the Gateway's versions"},
		},
	}
}

// wrongCertificate makes the gateway show one certificate for all hosts.
func wrongCertificate(ctx context.Context, t *check.T, s *stack.Stack) {
	pair := kit.NewAuthority(t, "nobody").Issue(t, "*.conformance.test")
	mutation.ApplyFixture(ctx, t, s, "wrong-certificate", map[string]string{
		"Certificate": base64.StdEncoding.EncodeToString(pair.CertPEM), "Key": base64.StdEncoding.EncodeToString(pair.KeyPEM),
	})
}
