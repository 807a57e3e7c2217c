package tls

import (
	"context"
	"strings"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(brokenSecret)

// brokenSecret replaces a host's Secret by one that no server can use. It runs
// alone: a Secret that the proxy refuses is refused together with what came with it.
func brokenSecret(s *stack.Stack) check.Check {
	s = s.Beside()
	return check.Check{
		Name:    "tls-broken-secret",
		Promise: "a Secret whose key is not its certificate's is refused by the gateway, which keeps the certificate that it has, and takes the next good one",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewSecureRoute(ctx, t, s, "terminated", "mode: SIMPLE", nil, nil)
			r.MustBeServed(ctx, t, r.Client())
			next := r.Authority.Issue(t, r.Host)
			broken := next.Secret()
			broken["tls.key"] = r.Pair.KeyPEM
			before, err := refusedSecrets(ctx, s)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			kit.ReplaceSecret(ctx, t, s, r.Name, broken)
			t.Diagnose("the gateway does not refuse a Secret that no server can use",
				"look for rejected in the gateway's log in the evidence: Envoy reports what it refuses", docs)
			t.Eventually(ctx, func() (int, error) { return refusedSecrets(ctx, s) }).WithTimeout(kit.PropagationTimeout).
				Should(gomega.BeNumerically(">", before), "refused Secrets in the gateway's own log")
			t.Diagnose("a broken Secret takes the host's working certificate away", "replace the Secret by a good one; look at the gateway's secrets: istioctl proxy-config secret", docs)
			for range handshakes {
				response := r.Get(ctx, t, "/", nil, nil)
				t.Expect(response.Status).To(gomega.Equal(200), "with a broken Secret: %s", response)
				t.Expect(response.TLS.PeerCertificates[0].SerialNumber).To(gomega.Equal(r.Pair.Cert.SerialNumber), "the certificate from before")
			}
			t.Diagnose("the gateway does not take a good Secret after a broken one", "look for the Secret's name in istiod's log", docs)
			kit.ReplaceSecret(ctx, t, s, r.Name, next.Secret())
			t.Eventually(ctx, func() string {
				response := r.Get(ctx, t, "/", nil, nil)
				t.Expect(response.Status).To(gomega.Equal(200), "while a broken Secret is mended: %s", response)
				return response.TLS.PeerCertificates[0].SerialNumber.String()
			}).WithTimeout(kit.PropagationTimeout).Should(gomega.Equal(next.Cert.SerialNumber.String()))
			t.Observe("refused, %d connections with the certificate from before, then the next one", handshakes)
		},
	}
}

// refusedSecrets counts the lines by which the gateway's Envoy says that it
// refused a Secret; they name none.
func refusedSecrets(ctx context.Context, s *stack.Stack) (int, error) {
	logs, err := s.Logs(ctx, s.Gateway.Namespace, s.Gateway.Selector, "istio-proxy")
	return strings.Count(logs, "transport_sockets.tls.v3.Secret rejected"), err
}
