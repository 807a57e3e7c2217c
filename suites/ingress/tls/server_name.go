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

var _ = Checks.Add(byServerName)

// byServerName gives two hosts a certificate each.
func byServerName(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "tls-by-server-name",
		Parallel: true,
		Promise:  "each of two hosts is served with the certificate of its own Secret, over HTTP/2 and HTTP/1.1; a host that no Gateway names gets no certificate",
		Run: func(ctx context.Context, t *check.T) {
			routes := []kit.SecureRoute{
				kit.NewSecureRoute(ctx, t, s, "terminated", "mode: SIMPLE", nil, nil), kit.NewSecureRoute(ctx, t, s, "terminated", "mode: SIMPLE", nil, nil),
			}
			for _, r := range routes {
				r.MustBeServed(ctx, t, r.Client())
				for _, http2 := range []bool{true, false} {
					getWithOwnCertificate(ctx, t, s, r, http2)
				}
			}
			t.Diagnose("the gateway answers a server name that no Gateway names", "look for a Gateway with a wildcard host at port 443: kubectl get gateways.networking.istio.io -A", docs)
			unknown := routes[0].Client()
			unknown.ServerName = "unknown-" + routes[0].Host
			refusal, err := kit.Refusal(ctx, s, unknown)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(refusal).To(gomega.HaveOccurred(), "a handshake for %s", unknown.ServerName)
			t.Observe("%s refused: %v", unknown.ServerName, refusal)
		},
	}
}

// getWithOwnCertificate asks for a host and asserts whose certificate was shown
// and who answered.
func getWithOwnCertificate(ctx context.Context, t *check.T, s *stack.Stack, r kit.SecureRoute, http2 bool) {
	protocol, alpn := "HTTP/1.1", "http/1.1"
	if http2 {
		protocol, alpn = "HTTP/2.0", "h2"
	}
	t.Diagnose("the gateway shows a client the certificate of another host, or another protocol than was agreed",
		"compare the Gateways' credentialName with the Secrets: istioctl proxy-config secret", docs)
	id, header := kit.Mark()
	response := r.Get(ctx, t, "/?id="+id, header, func(q *probe.Request) { q.HTTP2, q.TLS.NextProtos = http2, []string{alpn} })
	t.Expect(response.Status).To(gomega.Equal(200), "%s over %s: %s", r.Host, protocol, response)
	t.Expect(response.TLS.PeerCertificates[0].SerialNumber).To(gomega.Equal(r.Pair.Cert.SerialNumber), "serial of the certificate shown for %s", r.Host)
	t.Expect(response.TLS.NegotiatedProtocol).To(gomega.Equal(alpn))
	t.Expect(response.Proto).To(gomega.Equal(protocol))
	t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).
		Should(gomega.ConsistOf(gomega.HaveField("Host", r.Host)), "the backend's own log")
	kit.MustLog(ctx, t, s, id, gomega.ConsistOf(gomega.And(gomega.HaveField("ServerName", r.Host), gomega.HaveField("Protocol", wireName(http2)))), "the gateway's access log")
	t.Observe("%s: %s over %s, certificate %x", r.Host, protocol, tls.VersionName(response.TLS.Version), r.Pair.Cert.SerialNumber)
}

// wireName is what Envoy calls the protocol.
func wireName(http2 bool) string {
	if http2 {
		return "HTTP/2"
	}
	return "HTTP/1.1"
}
