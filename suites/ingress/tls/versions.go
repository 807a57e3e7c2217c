package tls

import (
	"context"
	"crypto/tls"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(versions)

// versions asks hosts with a lowest version and with one cipher suite.
func versions(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "tls-versions-and-ciphers",
		Parallel: true,
		Promise:  "a host with minProtocolVersion TLSV1_3 refuses TLS 1.2 and takes 1.3; one with a cipher suite takes that one and refuses a client that offers only others",
		Run: func(ctx context.Context, t *check.T) {
			modern := kit.NewSecureRoute(ctx, t, s, "terminated", "mode: SIMPLE, minProtocolVersion: TLSV1_3", nil, nil)
			strict := kit.NewSecureRoute(ctx, t, s, "terminated", "mode: SIMPLE, maxProtocolVersion: TLSV1_2, cipherSuites: [ECDHE-ECDSA-AES256-GCM-SHA384]", nil, nil)
			modern.MustBeServed(ctx, t, modern.Client())
			strict.MustBeServed(ctx, t, strict.Client())
			with := func(r kit.SecureRoute, highest uint16, suites ...uint16) *tls.Config {
				client := r.Client()
				client.MaxVersion, client.CipherSuites = highest, suites
				return client
			}
			t.Diagnose("the gateway does not keep to the Gateway's versions and cipher suites of TLS",
				"look at tls_params of the host's filter chain in the gateway's config dump in the evidence",
				"https://istio.io/latest/docs/reference/config/networking/gateway/#ServerTLSSettings")
			agreed(ctx, t, modern, with(modern, tls.VersionTLS13), tls.VersionTLS13, 0)
			refused(ctx, t, s, "TLS 1.2 where 1.3 is the lowest", with(modern, tls.VersionTLS12), "protocol version")
			agreed(ctx, t, strict, with(strict, tls.VersionTLS13), tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384)
			refused(ctx, t, s, "a cipher suite that is not the host's",
				with(strict, tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256), "handshake failure")
		},
	}
}

// agreed asserts what a client and the gateway agree on; suite 0 is any.
func agreed(ctx context.Context, t *check.T, r kit.SecureRoute, client *tls.Config, version, suite uint16) {
	response := r.Get(ctx, t, "/", nil, func(q *probe.Request) { q.TLS = client })
	t.Expect(response.Status).To(gomega.Equal(200), "%s: %s", r.Host, response)
	t.Expect(tls.VersionName(response.TLS.Version)).To(gomega.Equal(tls.VersionName(version)))
	if suite != 0 {
		t.Expect(tls.CipherSuiteName(response.TLS.CipherSuite)).To(gomega.Equal(tls.CipherSuiteName(suite)))
	}
	t.Observe("%s: %s, %s", r.Host, tls.VersionName(response.TLS.Version), tls.CipherSuiteName(response.TLS.CipherSuite))
}

// refused asserts that the gateway ends the handshake with an alert: Go's client
// makes the error of an alert of the peer's only.
func refused(ctx context.Context, t *check.T, s *stack.Stack, what string, client *tls.Config, alert string) {
	refusal, err := kit.Refusal(ctx, s, client)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(refusal).To(gomega.MatchError(gomega.ContainSubstring("remote error: tls: "+alert)), "%s must be refused", what)
	t.Observe("%s: %v", what, refusal)
}
