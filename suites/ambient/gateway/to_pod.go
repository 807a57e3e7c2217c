package gateway

import (
	"context"
	"fmt"
	"net/http"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/ztunnel"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/ambient/mesh"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(toPod)

// toPod sends a request through the ingress gateway to a pod in the mesh.
func toPod(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "gateway-to-pod",
		Promise:  "the ingress gateway reaches a pod without a sidecar by HBONE, and the pod's ztunnel has proved the gateway's identity, also where the pod's mode is STRICT",
		Parallel: true,
		Run: func(ctx context.Context, t *check.T) {
			c := kit.NewScratch(ctx, t, s, "ambient")
			t.Diagnose("a pod in the ambient mesh does not become ready, or the gateway does not reach it",
				"look at ztunnel's and istio-cni-node's logs in the evidence", "https://istio.io/latest/docs/ambient/usage/troubleshoot-ztunnel/")
			pod := c.Workload(ctx, t, map[string]string{"Inject": "false", "DataplaneMode": mesh.Ambient})
			t.Expect(kit.ContainerNames(&pod)).NotTo(gomega.ContainElement(kit.ProxyContainer), "containers of pod %s", pod.Name)
			gateway, err := s.GatewayPod(ctx)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			client, server := mesh.Pod{Name: gateway.Name, IP: gateway.Status.PodIP}, mesh.Pod{Name: pod.Name, IP: pod.Status.PodIP}
			t.Diagnose("traffic from the gateway to a pod in the ambient mesh does not go by HBONE with the gateway's identity", "look at the ztunnel of the pod's node in the evidence: it logs each connection",
				"https://istio.io/latest/docs/ambient/usage/verify-mtls-enabled/")
			kit.Apply(ctx, t, s, c.Namespace, "ambient/one-request.yaml", c.Values(nil))
			// Not that it has no error: an Envoy ends a tunnel by a reset of its stream, which
			// ztunnel logs as one. The requests are answered.
			t.Eventually(ctx, func() ([]ztunnel.Connection, error) {
				if r := c.Get(ctx, nil); r.Status != http.StatusOK {
					return nil, fmt.Errorf("a request through the gateway: %s", r)
				}
				return mesh.AccessLog(ctx, s, pod.Spec.NodeName, client, server)
			}).Should(gomega.ContainElement(gomega.And(gomega.HaveField("Direction", ztunnel.Inbound), gomega.HaveField("SourceIdentity", identity(s, &gateway)),
				gomega.HaveField("HBONEAddress", gomega.HavePrefix(server.IP+":")))), "access log of ztunnel on node %s, of the gateway's pod to pod %s", pod.Spec.NodeName, pod.Name)
			c.Apply(ctx, t, "strict", map[string]string{"Mode": "STRICT"})
			t.Diagnose("the gateway is refused by a pod in the ambient mesh of mode STRICT", "look at the ztunnel of the pod's node in the evidence", "https://istio.io/latest/docs/ambient/usage/verify-mtls-enabled/")
			t.Consistently(ctx, func() int { return c.Get(ctx, nil).Status }).Should(gomega.Equal(http.StatusOK), "requests while the policy reaches ztunnel")
			t.Observe("the ztunnel of node %s saw %s", pod.Spec.NodeName, identity(s, &gateway))
		},
	}
}

// identity is the SPIFFE identity of a gateway's pod.
func identity(s *stack.Stack, pod *corev1.Pod) string {
	return fmt.Sprintf("spiffe://cluster.local/ns/%s/sa/%s", pod.Namespace, s.Gateway.ServiceAccount)
}
