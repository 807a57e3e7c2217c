package install

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/istio"
	"istio-conformance/internal/probe"
	"istio-conformance/internal/stack"
)

// xdsPort is where proxies fetch their configuration and certificates over TLS.
const xdsPort = 15012

// xds checks the port that every proxy depends on, and that they got what they asked for.
func xds(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "xds",
		Promise: "istiod's xDS port answers with a certificate of the mesh's own root, and the gateway is SYNCED",
		Run: func(ctx context.Context, t *check.T) {
			roots := meshRoot(ctx, t, s)
			pods, err := s.ReadyPods(ctx, stack.SystemNamespace, "app=istiod")
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(pods).NotTo(gomega.BeEmpty(), "no istiod pod is ready")
			for _, pod := range pods {
				t.Diagnose("istiod's xDS port does not answer with a certificate that proxies trust",
					"compare ConfigMap istio-ca-root-cert with Secret istio-ca-secret; restart istiod when they differ",
					"https://istio.io/latest/docs/ops/common-problems/security-issues/")
				state, err := handshake(ctx, forward(ctx, t, s, pod, xdsPort), roots)
				t.Expect(err).NotTo(gomega.HaveOccurred(), "TLS handshake with pod %s port %d", pod.Name, xdsPort)
				t.Expect(state.NegotiatedProtocol).To(gomega.Equal("h2"), "the protocol of gRPC")
				t.Observe("pod %s: certificate for %v, valid until %s", pod.Name, state.PeerCertificates[0].DNSNames, state.PeerCertificates[0].NotAfter.Format(time.RFC3339))
			}
			t.Diagnose("a proxy did not get or did not accept istiod's configuration",
				"look at the proxy's log for NACKs and at istiod's /debug/syncz in the evidence",
				"https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/")
			var debug []string
			for _, pod := range pods {
				debug = append(debug, fmt.Sprintf("http://127.0.0.1:%d/debug/syncz", forward(ctx, t, s, pod, readinessPort)))
			}
			t.Eventually(ctx, func() ([]istio.ProxyStatus, error) { return gatewayStatus(ctx, s, debug) }).
				Should(gomega.And(gomega.Not(gomega.BeEmpty()), gomega.HaveEach(gomega.HaveField("Synced()", true))), "sync state of the gateway's proxies")
		},
	}
}

// meshRoot reads the root certificate that istiod gives to every namespace.
func meshRoot(ctx context.Context, t *check.T, s *stack.Stack) *x509.CertPool {
	root := &corev1.ConfigMap{}
	key := client.ObjectKey{Namespace: s.Gateway.Namespace, Name: "istio-ca-root-cert"}
	t.Expect(s.Client.Get(ctx, key, root)).To(gomega.Succeed())
	pool := x509.NewCertPool()
	t.Expect(pool.AppendCertsFromPEM([]byte(root.Data["root-cert.pem"]))).To(gomega.BeTrue(), "ConfigMap %s holds no certificate", key)
	return pool
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

// gatewayStatus returns what the istiod pods say of the gateway's proxies.
func gatewayStatus(ctx context.Context, s *stack.Stack, urls []string) ([]istio.ProxyStatus, error) {
	var found []istio.ProxyStatus
	for _, url := range urls {
		response := probe.HTTP(ctx, probe.Request{URL: url, Timeout: 10 * time.Second})
		if response.Status != 200 {
			return nil, fmt.Errorf("ask istiod: %s", response)
		}
		all, err := istio.ParseSyncz(response.Body)
		if err != nil {
			return nil, err
		}
		for _, proxy := range all {
			if proxy.Namespace() == s.Gateway.Namespace {
				found = append(found, proxy)
			}
		}
	}
	return found, nil
}
