package mutation

import (
	"context"
	"fmt"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/probe"
	"istio-conformance/internal/stack"
)

func ingressMutations() []mutation {
	return []mutation{
		{
			name: "backends-without-sidecar", promise: "pods that were made without injection are noticed, once",
			breakIt: withoutSidecars, plays: "ingress",
			fails: map[string]string{"ingress/backends": "did not inject the sidecar"},
		},
		{
			name: "gateway-service-selects-nothing", promise: "a node port that leads to no gateway pod is noticed",
			breakIt: selectNothing, plays: "ingress/node-port",
			fails: map[string]string{"ingress/node-port": "nothing answers at the gateway's node port"},
		},
		{
			name: "one-pod-unreachable", promise: "a pod that the gateway cannot reach is noticed",
			breakIt: dropTraffic, plays: "ingress/node-port",
			fails: map[string]string{"ingress/node-port": "one of the backend's pods is broken"},
		},
		{
			name: "virtual-ip-routed", promise: "a gateway that forwards to the Service's virtual IP is noticed",
			breakIt: routeVirtualIP, plays: "ingress",
			fails: map[string]string{
				"ingress/node-port":          "spiffe://", // nor is there mutual TLS to a virtual IP
				"ingress/endpoints-are-pods": "istiod's view of the Service differs", "ingress/direct-to-pods": "sends traffic to the Service's virtual IP",
			},
		},
		{
			name: "retries-cut", promise: "a gateway that retries less than the route says is noticed",
			// The routes to patch come with the checks, which wait until they are served.
			breakIt: func(ctx context.Context, t *check.T, s *stack.Stack) { applyFixture(ctx, t, s, "no-retries", nil) },
			plays:   "ingress", fails: map[string]string{"ingress/retries": "does not retry"},
		},
		{
			name: "timeout-stretched", promise: "a gateway that waits longer than the route says is noticed",
			breakIt: func(ctx context.Context, t *check.T, s *stack.Stack) { applyFixture(ctx, t, s, "slow-timeout", nil) },
			plays:   "ingress", fails: map[string]string{"ingress/timeout": "does not end a request"},
		},
	}
}

// withoutSidecars makes the backend's pods anew while injection is off.
func withoutSidecars(ctx context.Context, t *check.T, s *stack.Stack) {
	renew := func(ctx context.Context, sidecar bool) {
		old, err := s.ReadyPods(ctx, s.Namespace, "app=backend")
		t.Expect(err).NotTo(gomega.HaveOccurred())
		t.Expect(s.Client.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(s.Namespace), client.MatchingLabels{"app": "backend"})).To(gomega.Succeed())
		t.Eventually(ctx, func() ([]bool, error) { return injected(ctx, s, old) }).WithTimeout(mendTimeout).
			Should(gomega.And(gomega.HaveLen(len(old)), gomega.HaveEach(sidecar)), "new pods with a sidecar")
	}
	mend(ctx, t, func(ctx context.Context) { renew(ctx, true) })
	label(ctx, t, s, s.Namespace, "istio-injection", "disabled")
	renew(ctx, false)
}

// injected says of each ready pod that is not among the old ones whether it has
// a sidecar.
func injected(ctx context.Context, s *stack.Stack, old []corev1.Pod) ([]bool, error) {
	known := map[string]bool{}
	for _, p := range old {
		known[p.Name] = true
	}
	pods, err := s.ReadyPods(ctx, s.Namespace, "app=backend")
	var found []bool
	for _, p := range pods {
		if !known[p.Name] {
			found = append(found, p.Annotations["sidecar.istio.io/status"] != "")
		}
	}
	return found, err
}

// selectNothing makes the gateway's Service select no pod.
func selectNothing(ctx context.Context, t *check.T, s *stack.Stack) {
	set := func(ctx context.Context, value string) {
		service := &corev1.Service{}
		service.Namespace, service.Name = s.Gateway.Namespace, s.Gateway.Release
		patch := fmt.Sprintf(`{"spec":{"selector":{"conformance-mutation":%s}}}`, value)
		t.Expect(s.Client.Patch(ctx, service, client.RawPatch("application/merge-patch+json", []byte(patch)))).To(gomega.Succeed())
	}
	mend(ctx, t, func(ctx context.Context) { set(ctx, "null") })
	set(ctx, `"nothing"`)
	t.Eventually(ctx, func() error { return probe.HTTP(ctx, probe.Request{URL: s.GatewayURL()}).Err }).
		Should(gomega.HaveOccurred(), "the node port still leads to the gateway")
}

// dropTraffic drops what is forwarded to one of the backend's pods. Its kubelet
// still reaches it, so that it stays ready.
func dropTraffic(ctx context.Context, t *check.T, s *stack.Stack) {
	pods, err := s.ReadyPods(ctx, s.Namespace, "app=backend")
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(pods).NotTo(gomega.BeEmpty())
	rule := "FORWARD -d " + pods[0].Status.PodIP + " -j DROP"
	mend(ctx, t, func(ctx context.Context) {
		_, err := s.Cluster.Exec(ctx, pods[0].Spec.NodeName, "iptables -w -D "+rule)
		t.Expect(err).NotTo(gomega.HaveOccurred())
	})
	_, err = s.Cluster.Exec(ctx, pods[0].Spec.NodeName, "iptables -w -I "+rule)
	t.Expect(err).NotTo(gomega.HaveOccurred())
}

// routeVirtualIP makes the Service's virtual IP the gateway's only endpoint.
func routeVirtualIP(ctx context.Context, t *check.T, s *stack.Stack) {
	service := &corev1.Service{}
	t.Expect(s.Client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: "backend"}, service)).To(gomega.Succeed())
	applyFixture(ctx, t, s, "cluster-ip", map[string]string{"Namespace": s.Namespace, "ClusterIP": service.Spec.ClusterIP})
	t.Eventually(ctx, func() (string, error) { return s.GatewayAdmin(ctx, "clusters") }).
		Should(gomega.ContainSubstring("backend." + s.Namespace + ".svc.cluster.local::" + service.Spec.ClusterIP + ":80"))
}
