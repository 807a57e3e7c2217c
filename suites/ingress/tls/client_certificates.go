package tls

import (
	"context"
	"crypto/tls"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/envoy"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(clientCertificates)

// clientCertificates asks a host with mutual TLS as four clients.
func clientCertificates(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "tls-client-certificate",
		Parallel: true,
		Promise:  "a host with mode MUTUAL answers a client whose certificate the Secret's authority issued, and refuses one without, of another authority, or revoked by the Secret's list",
		Run: func(ctx context.Context, t *check.T) {
			clients := kit.NewAuthority(t, "clients")
			right, revoked := clients.Issue(t, "right"), clients.Issue(t, "revoked")
			wrong := kit.NewAuthority(t, "others").Issue(t, "wrong")
			r := kit.NewSecureRoute(ctx, t, s, "terminated", "mode: MUTUAL",
				map[string][]byte{"ca.crt": clients.PEM, "ca.crl": clients.Revoke(t, revoked.Cert)}, nil)
			as := func(certificates ...tls.Certificate) *tls.Config {
				client := r.Client()
				// Certificates would not do: Go's client keeps those to itself whose
				// authority the server does not name.
				client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					if len(certificates) == 0 {
						return new(tls.Certificate), nil
					}
					return &certificates[0], nil
				}
				return client
			}
			r.MustBeServed(ctx, t, as(right.TLS))
			answered(ctx, t, s, r, as(right.TLS))
			t.Diagnose("the gateway does not check the client's certificate as the Gateway's mode MUTUAL says",
				"look at the filter chain's require_client_certificate and validation context in the gateway's config dump in the evidence, and at ca.crt and ca.crl of the Secret",
				docs+"#configure-a-mutual-tls-ingress-gateway")
			for _, c := range []struct {
				name   string
				client *tls.Config
				alert  string
			}{
				{"no certificate", as(), "certificate required"},
				{"a certificate of another authority", as(wrong.TLS), "unknown certificate authority"},
				{"a revoked certificate", as(revoked.TLS), "revoked certificate"},
			} {
				refusal, err := kit.Refusal(ctx, s, c.client)
				t.Expect(err).NotTo(gomega.HaveOccurred())
				t.Expect(refusal).To(gomega.MatchError(gomega.ContainSubstring(c.alert)), "a client with %s must be refused in TLS", c.name)
				t.Observe("%s: %v", c.name, refusal)
				nothingArrives(ctx, t, s, r, c.name, c.client)
			}
			// The one that was let in before still is: the refusals were not the gateway's end.
			answered(ctx, t, s, r, as(right.TLS))
		},
	}
}

// answered asserts that a client is served, by both sides' account.
func answered(ctx context.Context, t *check.T, s *stack.Stack, r kit.SecureRoute, client *tls.Config) {
	id, header := kit.Mark()
	response := r.Get(ctx, t, "/?id="+id, header, func(q *probe.Request) { q.TLS = client })
	t.Expect(response.Status).To(gomega.Equal(200), "a client with the right certificate: %s", response)
	t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).Should(gomega.HaveLen(1), "the backend's own log")
}

// nothingArrives asserts that a refused client's request reaches neither the
// gateway's HTTP nor the backend.
func nothingArrives(ctx context.Context, t *check.T, s *stack.Stack, r kit.SecureRoute, name string, client *tls.Config) {
	id, header := kit.Mark()
	response := r.Get(ctx, t, "/?id="+id, header, func(q *probe.Request) { q.TLS = client })
	t.Expect(response.Err).To(gomega.HaveOccurred(), "a client with %s was answered: %s", name, response)
	t.Expect(response.Status).To(gomega.BeZero(), "a client with %s: %s", name, response)
	arrived, err := kit.BackendLog(ctx, s, id)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(arrived).To(gomega.BeEmpty(), "a request of a client with %s at the backend", name)
	if !kit.HasLog(t, s) {
		return
	}
	logged, err := kit.AccessLog(ctx, s, id)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(logged).To(gomega.Equal([]envoy.AccessLog(nil)), "a request of a client with %s in the gateway's access log", name)
}
