package outage

import (
	"context"
	"time"

	"github.com/onsi/gomega"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit/flow"
)

// dnsAway is how long there is no name server.
const dnsAway = 15 * time.Second

var _ = kubernetes.AddAt(4, coreDNSGone)

// coreDNSGone takes all name servers away. Proxies get addresses from istiod, and keep the
// connection to istiod that they have.
func coreDNSGone(s *stack.Stack) check.Check {
	const link = "https://istio.io/latest/docs/ops/configuration/traffic-management/dns/"
	return check.Check{
		Name:    "coredns-gone",
		Promise: "without CoreDNS no request through the gateway fails, and new configuration reaches the gateway all the same",
		Timeout: outageTimeout,
		Run: func(ctx context.Context, t *check.T) {
			r := begin(ctx, t, s, "there is no CoreDNS")
			t.Diagnose("CoreDNS cannot be scaled", "look at the Deployment coredns in namespace kube-system", "https://kubernetes.io/docs/tasks/administer-cluster/dns-custom-nameservers/")
			give := scale(ctx, t, s, metav1.NamespaceSystem, "coredns", 0)
			t.Eventually(ctx, func() (int, error) { return dnsEndpoints(ctx, s) }).WithTimeout(backTimeout).Should(gomega.BeZero(), "addresses behind Service kube-dns")
			last(ctx, t, dnsAway)
			r.configure(ctx, t)
			give(ctx)
			r.judge(ctx, t, flow.Nothing, "look for the failed requests' flags in the gateway's access log in the evidence: is a host resolved by name?", link)
		},
		Breaks: []check.Break{{
			Name: "proxies-reconnect-by-name", Promise: "a gateway that has to look up istiod's name again and again is noticed",
			Make: func(ctx context.Context, t *check.T) { shortConnections(ctx, t, s) },
			Says: "new configuration does not reach the gateway during the outage",
		}},
	}
}

// dnsEndpoints counts the addresses to which nodes lead what is asked of the name server.
func dnsEndpoints(ctx context.Context, s *stack.Stack) (int, error) {
	slices, err := s.Cluster.Kube.DiscoveryV1().EndpointSlices(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=kube-dns"})
	if err != nil {
		return 0, err
	}
	n := 0
	for _, slice := range slices.Items {
		n += len(slice.Endpoints)
	}
	return n, nil
}
