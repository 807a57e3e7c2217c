package nodeport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/util/rand"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

// linkPolicy is where a node port's way to the pods is documented.
const linkPolicy = "https://kubernetes.io/docs/reference/networking/virtual-ips/#external-traffic-policy"

var _ = Checks.Add(everyNode)

// everyNode sends requests to the node ports of each node, also of those that run
// no gateway pod.
func everyNode(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "node-port-of-every-node",
		SkipIf:   s.WhyNoNodePorts,
		Parallel: true,
		Promise:  "with externalTrafficPolicy Cluster the node ports of 80, 443 and 15021 answer on every node, also on one without a gateway pod",
		Run: func(ctx context.Context, t *check.T) {
			name := "node-port-" + rand.String(5)
			host := name + ".every-node.test"
			certificate, err := newCertificate(host)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			kit.Apply(ctx, t, s, s.Namespace, "routes/node-port-https.yaml", map[string]string{
				"Name": name, "Host": host, "GatewayNamespace": s.Gateway.Namespace, "Certificate": certificate.chain, "Key": certificate.key,
			})
			gateway, err := s.GatewayPod(ctx)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			ports := []entrance{
				{s.Gateway.HTTP, "http", "/", nil},
				{s.Gateway.HTTPS, "https", "/", certificate.roots},
				{s.Gateway.Status, "http", "/healthz/ready", nil},
			}
			others := 0
			nodes, err := s.NodeNames(ctx)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			for _, node := range nodes {
				if node != gateway.Spec.NodeName {
					others++
				}
				for _, port := range ports {
					port.mustAnswer(ctx, t, s, node, host, node == gateway.Spec.NodeName)
				}
			}
			t.Observe("ports %d, %d and %d answer on %d nodes, %d of them without a gateway pod", s.Gateway.HTTP.Number, s.Gateway.HTTPS.Number, s.Gateway.Status.Number, len(nodes), others)
		},
	}
}

// entrance is a port of the gateway and how it is asked.
type entrance struct {
	port         stack.GatewayPort
	scheme, path string
	roots        *x509.CertPool
}

// mustAnswer asks for the host through a node until it is answered 200, and then
// asserts that the gateway logged a request that came this way.
func (e entrance) mustAnswer(ctx context.Context, t *check.T, s *stack.Stack, node, host string, here bool) {
	address, err := s.AddressOf(ctx, e.port.Node, node)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	diagnoseNode(t, e.port.Node, node, here)
	id, mark := kit.Mark()
	request := probe.Request{
		URL: e.scheme + "://" + host + kit.WithID(e.path, id), ConnectTo: address, Headers: mark, Timeout: kit.ShortTimeout,
		TLS: &tls.Config{RootCAs: e.roots, MinVersion: tls.VersionTLS12},
	}
	var last probe.Response
	t.Eventually(ctx, func() string {
		last = probe.HTTP(ctx, request)
		return last.String()
	}).WithTimeout(kit.PropagationTimeout).Should(gomega.HavePrefix("status 200"), "port %d by node port %d of node %s (%s)", e.port.Number, e.port.Node, node, address)
	if e.port == s.Gateway.Status {
		return // the agent answers this one, and neither logs nor counts it
	}
	kit.MustLog(ctx, t, s, id, gomega.ContainElement(gomega.And(gomega.HaveField("Status", http.StatusOK), gomega.HaveField("Authority", host))), "access log of the request through node %s", node)
	t.Expect(kit.ParseAnswer(t, last).Headers["X-Forwarded-Proto"]).To(gomega.Equal([]string{e.scheme}), "scheme that the backend was told")
}

// diagnoseNode says what a node port that does not answer means.
func diagnoseNode(t *check.T, nodePort int32, node string, here bool) {
	if here {
		t.Diagnose(fmt.Sprintf("node port %d of node %s, where the gateway runs, does not lead to it", nodePort, node),
			"compare the Service's ports and EndpointSlices in the evidence with the gateway's pods; look at kube-proxy's log on that node", linkPolicy)
		return
	}
	t.Diagnose(fmt.Sprintf("node port %d of node %s, where no gateway pod runs, does not lead to one on another node", nodePort, node),
		strings.Join([]string{
			"look whether the gateway's Service has externalTrafficPolicy Local, which drops what comes to other nodes",
			"whether kube-proxy runs on that node", "and whether nodes reach each other's pods",
		}, "; "), linkPolicy)
}
