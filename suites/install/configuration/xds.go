package configuration

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strconv"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(xds)

// xds checks the port that every proxy depends on, and that they got what they asked for.
func xds(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "xds",
		Promise:  "istiod's xDS port answers with a certificate of the mesh's own root, and the gateway is SYNCED",
		Parallel: true,
		Run: func(ctx context.Context, t *check.T) {
			roots := kit.MeshRoots(ctx, t, s, s.Gateway.Namespace)
			for _, pod := range kit.IstiodPods(ctx, t, s) {
				t.Diagnose("istiod's xDS port does not answer with a certificate that proxies trust",
					"compare ConfigMap istio-ca-root-cert with Secret istio-ca-secret; restart istiod when they differ",
					"https://istio.io/latest/docs/ops/common-problems/security-issues/")
				state, err := handshake(ctx, kit.Forward(ctx, t, s, pod, kit.IstiodXDS), roots.Pool)
				t.Expect(err).NotTo(gomega.HaveOccurred(), "TLS handshake with pod %s port %d", pod.Name, kit.IstiodXDS)
				t.Expect(state.NegotiatedProtocol).To(gomega.Equal("h2"), "the protocol of gRPC")
				t.Observe("pod %s: certificate for %v, valid until %s", pod.Name, state.PeerCertificates[0].DNSNames, state.PeerCertificates[0].NotAfter.Format(time.RFC3339))
			}
			t.Diagnose("a proxy did not get or did not accept istiod's configuration",
				"look at the proxy's log for NACKs and at istiod's /debug/syncz in the evidence",
				"https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/")
			t.Eventually(ctx, kit.GatewayState(ctx, t, s)).
				Should(gomega.And(gomega.Not(gomega.BeEmpty()), gomega.HaveEach(gomega.HaveField("Synced()", true))), "sync state of the gateway's proxies")
		},
	}
}

// handshake connects as a proxy does and verifies istiod's certificate.
func handshake(ctx context.Context, port int, roots *x509.CertPool) (tls.ConnectionState, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{
		RootCAs: roots, ServerName: "istiod." + stack.SystemNamespace + ".svc", NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12,
	}}
	connection, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return tls.ConnectionState{}, err
	}
	state := connection.(*tls.Conn).ConnectionState()
	return state, connection.Close()
}
