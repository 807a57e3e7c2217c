package nodeport

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

var _ = Checks.AddAt(1, localPolicy)

// localPolicy gives the gateway's Service externalTrafficPolicy Local for a while,
// and type LoadBalancer, for which Kubernetes opens a health check port as well.
func localPolicy(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "external-traffic-policy",
		SkipIf:  s.OursAlone("changes the Service of the gateway"),
		Timeout: 3 * time.Minute,
		Promise: "externalTrafficPolicy Local: only nodes with a gateway pod answer, the client's address is kept, and healthCheckNodePort tells the same; Cluster: every node answers",
		Run: func(ctx context.Context, t *check.T) {
			if len(s.Cluster.Nodes()) < 2 {
				t.Skipf("needs a node without a gateway pod, and the cluster has one node only")
			}
			r := kit.NewRoute(ctx, t, s, "plain", nil)
			gateway, err := s.GatewayPod(ctx)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			n := nodes{s: s, r: r, with: gateway.Spec.NodeName}
			n.find(ctx, t)

			diagnosePolicy(t, "with externalTrafficPolicy Cluster a node without a gateway pod does not answer")
			t.Expect(n.answers(ctx, n.without)).To(gomega.HavePrefix("status 200"), "node %s, without a gateway pod", n.without)
			translated, err := n.clientSeen(ctx)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			diagnosePolicy(t, "with externalTrafficPolicy Cluster the client's address is kept, although the request may be forwarded to another node")
			t.Expect(translated).NotTo(gomega.Equal(n.client), "client's address that the backend was told, with policy Cluster")

			t.CleanupWithin(ctx, 2*kit.CleanupTimeout, func(ctx context.Context) { n.restore(ctx, t) })
			port := n.setLocal(ctx, t)
			diagnosePolicy(t, "with externalTrafficPolicy Local a node without a gateway pod answers")
			t.Eventually(ctx, func() string { return n.answers(ctx, n.without) }).ShouldNot(gomega.HavePrefix("status"), "node %s, without a gateway pod", n.without)
			diagnosePolicy(t, "with externalTrafficPolicy Local the node with the gateway pod does not answer")
			t.Eventually(ctx, func() string { return n.answers(ctx, n.with) }).Should(gomega.HavePrefix("status 200"), "node %s, with the gateway pod", n.with)
			diagnosePolicy(t, "with externalTrafficPolicy Local the client's address is not kept")
			t.Eventually(ctx, func() (string, error) { return n.clientSeen(ctx) }).Should(gomega.Equal(n.client), "client's address that the backend was told, with policy Local")
			t.Diagnose("healthCheckNodePort, which load balancers ask, does not tell which nodes run a gateway pod", "look at kube-proxy's log on the node in the message", linkPolicy)
			for node, want := range map[string]string{n.with: "200 1", n.without: "503 0"} {
				t.Eventually(ctx, func() (string, error) { return n.health(ctx, node, port) }).Should(gomega.Equal(want), "status and local endpoints at port %d of node %s", port, node)
			}
			t.Observe("Local: node %s answers and keeps the client's address %s, node %s is silent; health check port %d says the same. Cluster: both answer, the client becomes %s",
				n.with, n.client, n.without, port, translated)
		},
	}
}

// diagnosePolicy says what does not hold of the gateway's Service.
func diagnosePolicy(t *check.T, cause string) {
	t.Diagnose(cause, "look at the gateway's Service in the evidence, and at kube-proxy's log", linkPolicy)
}

// nodes are a node with the gateway's pod and one without.
type nodes struct {
	s             *stack.Stack
	r             kit.Route
	with, without string
	// client is the address of the node without, from which the other is asked;
	// server is the address of the node with.
	client, server string
}

// find fills in the other node and the addresses.
func (n *nodes) find(ctx context.Context, t *check.T) {
	for _, node := range n.s.Cluster.Nodes() {
		address := n.address(ctx, t, node.Name)
		if node.Name == n.with {
			n.server = address
		} else {
			n.without, n.client = node.Name, address
		}
	}
}

func (n *nodes) address(ctx context.Context, t *check.T, name string) string {
	node := &corev1.Node{}
	t.Expect(n.s.Client.Get(ctx, client.ObjectKey{Name: name}, node)).To(gomega.Succeed())
	for _, address := range node.Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			return address.Address
		}
	}
	t.Fatalf("node %s has no address of type InternalIP", name)
	return ""
}

// answers asks the node port of a node from outside, and says what came back. A
// node without an endpoint drops connections, so that only a deadline ends this.
func (n *nodes) answers(ctx context.Context, node string) string {
	address, err := n.s.GatewayAddress(stack.HTTPNodePort, node)
	if err != nil {
		return err.Error()
	}
	return probe.HTTP(ctx, probe.Request{URL: "http://" + address, Host: n.r.Host, Timeout: kit.ShortTimeout}).String()
}

// clientSeen asks the node with the gateway from the other node, and returns the
// address that the backend was told as the client's.
func (n *nodes) clientSeen(ctx context.Context) (string, error) {
	id, _ := kit.Mark()
	_, err := n.s.Cluster.Exec(ctx, n.without, fmt.Sprintf("curl --silent --show-error --fail --max-time 5 --header 'Host: %s' --header '%s: %s' http://%s/",
		n.r.Host, kit.IDHeader, id, net.JoinHostPort(n.server, strconv.Itoa(stack.HTTPNodePort))))
	if err != nil {
		return "", err
	}
	logged, err := kit.BackendLog(ctx, n.s, id)
	if err != nil {
		return "", err
	}
	if len(logged) != 1 {
		return "", fmt.Errorf("request %s is %d times in the backend's log", id, len(logged))
	}
	return strings.Join(logged[0].Headers["X-Forwarded-For"], ","), nil
}

// health returns the status and the number of local endpoints that the health
// check port of a node answers.
func (n *nodes) health(ctx context.Context, node string, port int32) (string, error) {
	return n.s.Cluster.Exec(ctx, node, fmt.Sprintf(
		`out=$(curl --silent --show-error --max-time 5 --write-out ' %%{http_code}' http://localhost:%d/healthz) || exit; printf '%%s %%s' "${out##* }" "$(grep -o '"localEndpoints": *[0-9]*' <<<"$out" | grep -o '[0-9]*$')"`, port))
}

// setLocal changes the gateway's Service and returns its health check port.
func (n *nodes) setLocal(ctx context.Context, t *check.T) int32 {
	diagnosePolicy(t, "the API server does not take externalTrafficPolicy Local for the gateway's Service")
	service := n.patch(ctx, t, `{"spec":{"type":"LoadBalancer","externalTrafficPolicy":"Local"}}`)
	diagnosePolicy(t, "the API server gives a Service with externalTrafficPolicy Local no health check port")
	t.Expect(service.Spec.HealthCheckNodePort).NotTo(gomega.BeZero(), "healthCheckNodePort of Service %s/%s", service.Namespace, service.Name)
	return service.Spec.HealthCheckNodePort
}

// restore gives the Service its old policy and waits until every node answers.
func (n *nodes) restore(ctx context.Context, t *check.T) {
	n.patch(ctx, t, `{"spec":{"type":"NodePort","externalTrafficPolicy":"Cluster","healthCheckNodePort":null,"allocateLoadBalancerNodePorts":null}}`)
	for _, node := range []string{n.with, n.without} {
		t.Eventually(ctx, func() string { return n.answers(ctx, node) }).Should(gomega.HavePrefix("status 200"), "node %s after the check", node)
	}
}

func (n *nodes) patch(ctx context.Context, t *check.T, patch string) *corev1.Service {
	service := &corev1.Service{}
	service.Namespace, service.Name = n.s.Gateway.Namespace, n.s.Gateway.Release
	t.Expect(n.s.Client.Patch(ctx, service, client.RawPatch("application/merge-patch+json", []byte(patch)))).To(gomega.Succeed())
	return service
}
