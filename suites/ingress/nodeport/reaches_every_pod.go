package nodeport

import (
	"context"
	"strings"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(reachesEveryPod)

// reachesEveryPod sends requests from the host to the gateway's node port.
func reachesEveryPod(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "node-port",
		Parallel: true,
		Promise:  "a request from outside to the node port is answered 200 by every pod of the meshed backend, over mutual TLS",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "plain", nil)
			pods, err := s.ReadyPods(ctx, s.Namespace, kit.BackendSelector)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(pods).To(gomega.HaveLen(kit.BackendReplicas), "%s", s.DescribePods(ctx, s.Namespace))
			t.Diagnose("a request failed although its route is served",
				"look for the request in the gateway's access log in the evidence: flag UF or UH is on the pods' side, no entry at all is on the way to the gateway",
				"https://istio.io/latest/docs/ops/common-problems/network-issues/")
			marked := map[string]string{}
			var answers []kit.Answer
			// A pod that has just become ready is in the gateway's endpoints a moment
			// later: the wait is for the endpoints, each request must succeed.
			deadline := time.Now().Add(kit.PropagationTimeout)
			for i := 0; len(marked) < len(pods) && time.Now().Before(deadline); i++ {
				id, header := kit.Mark()
				response := r.Get(ctx, "/", header)
				t.Expect(response.Status).To(gomega.Equal(200), "request %d: %s", i, response)
				a := kit.ParseAnswer(t, response)
				marked[a.Pod] = id
				answers = append(answers, a)
			}
			fromGateway(t, s, answers)
			t.Diagnose("the gateway does not spread requests over all ready pods",
				"compare the gateway's endpoints in the evidence with the pods", "https://istio.io/latest/docs/concepts/traffic-management/")
			t.Expect(marked).To(gomega.HaveLen(len(pods)), "pods that answered within %s, of %v", kit.PropagationTimeout, kit.PodNames(pods))
			t.Observe("%s answered on %s", strings.Join(kit.PodNames(pods), " and "), s.GatewayURL())
			t.Diagnose("a response names a pod that did not log the request", "something other than the backend answers on the way", "")
			for pod, id := range marked {
				t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).
					Should(gomega.ConsistOf(gomega.HaveField("Pod", pod)), "the backend's own log of request %s", id)
			}
		},
	}
}

// fromGateway asserts that the requests came over mutual TLS from the gateway:
// the backend's sidecar names the client's identity in this header.
func fromGateway(t *check.T, s *stack.Stack, answers []kit.Answer) {
	t.Diagnose("requests are answered, but the gateway does not come to the backend by mutual TLS with its own identity",
		"look for a DestinationRule, PeerAuthentication or EnvoyFilter that changes the transport socket of the backend's cluster in the gateway's config dump in the evidence",
		"https://istio.io/latest/docs/concepts/security/#mutual-tls-authentication")
	gateway := "URI=" + s.Identity(s.Gateway.Namespace, s.Gateway.ServiceAccount)
	for _, a := range answers {
		xfcc := strings.Join(a.Headers["X-Forwarded-Client-Cert"], ",")
		t.Expect(xfcc).To(gomega.ContainSubstring(gateway), "the gateway's identity in X-Forwarded-Client-Cert at pod %s", a.Pod)
	}
}
