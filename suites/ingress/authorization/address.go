package authorization

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(address)

// address asks two hosts from two addresses, of which one is named in a policy.
func address(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "authorization-address",
		SkipIf:   s.OursAlone("asks from the network namespace of istiod"),
		Parallel: true,
		Promise:  "a policy by ipBlocks denies a host to a client of that address and to no other; one by notIpBlocks the other way round",
		Run: func(ctx context.Context, t *check.T) {
			denying, sparing := kit.NewRoute(ctx, t, s, "plain", nil), kit.NewRoute(ctx, t, s, "plain", nil)
			outside := try(ctx, t, s, denying.Host, attempt{"before the policy", http.MethodGet, "/", nil, 200, passed})
			own := outside.Headers.Get("X-Forwarded-For")
			inside, from := insider(ctx, t, s)
			t.Diagnose("two clients have one address: a policy by address could not tell them apart", "look at how the cluster's network translates addresses", "")
			t.Expect(own).NotTo(gomega.Equal(inside), "addresses of a client outside and of a pod, as the gateway sees them")

			kit.Apply(ctx, t, s, s.Gateway.Namespace, "authorization/address.yaml",
				map[string]string{"Name": denying.Name, "Host": denying.Host, "OtherHost": sparing.Host, "Address": inside})
			settle(ctx, t, s, sparing.Host, "/")
			t.Diagnose("the gateway does not tell clients apart by the address that they come from",
				"compare downstream_remote_address in the gateway's access log in the evidence with the policy",
				"https://istio.io/latest/docs/tasks/security/authorization/authz-ingress/#source-ip-address-of-the-original-client")
			try(ctx, t, s, denying.Host, attempt{"ipBlocks, from outside: " + own, http.MethodGet, "/", nil, 200, passed})
			try(ctx, t, s, sparing.Host, attempt{"notIpBlocks, from outside: " + own, http.MethodGet, "/", nil, 403, denied(s, denying.Name, 1)})
			from(denying.Host, attempt{what: "ipBlocks, from pod " + inside, status: 403, details: denied(s, denying.Name, 0)})
			from(sparing.Host, attempt{what: "notIpBlocks, from pod " + inside, status: 200, details: passed})
		},
	}
}

// insider returns the address of a pod without a sidecar, istiod's, and how to
// send a request from there to the gateway's pod.
func insider(ctx context.Context, t *check.T, s *stack.Stack) (string, func(host string, a attempt)) {
	pods, err := s.ReadyPods(ctx, stack.SystemNamespace, "app=istiod")
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(pods).NotTo(gomega.BeEmpty(), "%s", s.DescribePods(ctx, stack.SystemNamespace))
	gateway, err := s.GatewayPod(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	return pods[0].Status.PodIP, func(host string, a attempt) {
		id, _ := kit.Mark()
		script := fmt.Sprintf("curl -s -o /dev/null -w '%%{http_code}' --max-time 10 -H 'Host: %s' -H 'x-conformance-id: %s' 'http://%s/?id=%s'",
			host, id, net.JoinHostPort(gateway.Status.PodIP, "80"), id)
		out, err := s.Cluster.PodNetns(ctx, pods[0].Namespace, pods[0].Name, script)
		t.Expect(err).NotTo(gomega.HaveOccurred())
		t.Expect(strings.TrimSpace(out)).To(gomega.Equal(strconv.Itoa(a.status)), "%s", a.what)
		judge(ctx, t, s, id, a)
	}
}
