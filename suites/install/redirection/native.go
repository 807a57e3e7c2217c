package redirection

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

// The ports to which a pod's traffic is redirected, and the tables of the rules.
// Source: istio.io/istio tools/istio-nftables/pkg/constants.
const (
	outboundPort = 15001
	inboundPort  = 15006
	tablePrefix  = "istio-proxy-"
)

var _ = Checks.AddAt(1, native)

// native looks at a pod's rules, and counts the connections that take them.
func native(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "native-nftables",
		Promise: "with global.nativeNftables a pod's redirection is rules of nft alone, and its connections take them, inbound and outbound",
		Run: func(ctx context.Context, t *check.T) {
			c := kit.NewScratch(ctx, t, s, "nft")
			pod := c.Workload(ctx, t, map[string]string{"Inject": "true"})
			before := mustBeWrittenBy(ctx, t, s, &pod, true)
			mustPass(ctx, t, s, c)
			t.Diagnose("connections pass the proxy without taking the rules of nft that the pod has",
				"compare the counters of table inet istio-proxy-nat in the pod's network namespace: nft list ruleset", link)
			after := rulesIn(ctx, t, s, &pod)
			// The rules are as new as the pod. The gateway may have asked on a connection that
			// it had already; what the pod sends on is its first connection to istiod's Service.
			in, out := after.redirected(inboundPort), after.redirected(outboundPort)
			t.Expect(in).To(gomega.BeNumerically(">", 0), "connections that were redirected to port %d", inboundPort)
			t.Expect(out).To(gomega.BeNumerically(">", before.redirected(outboundPort)), "connections that were redirected to port %d", outboundPort)
			t.Observe("%d connections were redirected to port %d, %d to port %d", in, inboundPort, out, outboundPort)
		},
		Breaks: []check.Break{{
			Name: "rules-by-iptables", Promise: "a pod whose rules iptables writes although nft shall is noticed",
			Make: func(ctx context.Context, t *check.T) { setNative(ctx, t, s, false) },
			Says: "a pod's rules are not nft's alone",
		}},
	}
}

// mustBeWrittenBy asserts who wrote the rules of a pod: nft, or iptables. The other one
// has left nothing there.
func mustBeWrittenBy(ctx context.Context, t *check.T, s *stack.Stack, pod *corev1.Pod, nft bool) *ruleset {
	t.Helper()
	rules := rulesIn(ctx, t, s, pod)
	legacy, err := s.Cluster.PodNetns(ctx, pod.Namespace, pod.Name, "cat /proc/net/ip_tables_names /proc/net/ip6_tables_names 2>/dev/null || true")
	t.Expect(err).NotTo(gomega.HaveOccurred())
	if nft {
		t.Diagnose("a pod's rules are not nft's alone", "is global.nativeNftables set for istiod, and where chart cni is installed for it too? Compare the arguments of the pod's container istio-init", link)
		t.Expect(rules.tables(tablePrefix)).To(gomega.ContainElement(tablePrefix+"nat"), "tables of nft in pod %s", pod.Name)
		t.Expect(rules.chains("ISTIO_")).To(gomega.BeEmpty(), "chains of iptables in pod %s", pod.Name)
		t.Expect(strings.Fields(legacy)).To(gomega.BeEmpty(), "tables of iptables-legacy in pod %s", pod.Name)
		return rules
	}
	t.Diagnose("a pod that starts after the change back to iptables has not iptables' rules alone", "compare the arguments of the pod's container istio-init with global.nativeNftables", link)
	t.Expect(rules.tables(tablePrefix)).To(gomega.BeEmpty(), "tables of nft in pod %s", pod.Name)
	if len(strings.Fields(legacy)) == 0 {
		t.Expect(rules.chains("ISTIO_")).NotTo(gomega.BeEmpty(), "chains of iptables in pod %s", pod.Name)
	}
	return rules
}

// mustPass asks through the gateway and on from the pod: the pod's proxy sees the gateway's
// certificate, and what the pod sends goes by its proxy too.
func mustPass(ctx context.Context, t *check.T, s *stack.Stack, c kit.Scratch) {
	t.Helper()
	t.Diagnose("a pod's traffic is not redirected into its proxy", "look at the pod's container istio-init, or istio-validation, in the evidence", link)
	answer := kit.ParseAnswer(t, c.Get(ctx, nil))
	t.Expect(strings.Join(answer.Headers["X-Forwarded-Client-Cert"], ",")).
		To(gomega.ContainSubstring("/ns/"+s.Gateway.Namespace+"/sa/"+s.Gateway.ServiceAccount), "the identity that the pod's proxy saw")
	t.Diagnose("what a pod sends does not come through its proxy", "look for the request on to istiod in the access log of the pod's proxy in the evidence", link)
	// Until the pod's proxy knows the Service, which is there in every mesh.
	t.Eventually(ctx, func() int {
		return probe.HTTP(ctx, probe.Request{URL: c.URL + "/?forward=http://istiod." + stack.SystemNamespace + ":15014/version", Host: c.Host, Timeout: kit.RequestTimeout}).Status
	}).WithPolling(time.Second).Should(gomega.Equal(http.StatusOK), "from the pod on to istiod")
}
