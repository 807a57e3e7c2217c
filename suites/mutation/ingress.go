package mutation

import (
	"context"
	"fmt"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
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
			fails: map[string]string{"ingress/node-port": "the gateway does not serve"},
		},
		{
			name: "one-pod-unreachable", promise: "a pod that the gateway cannot reach is noticed",
			breakIt: dropTraffic, plays: "ingress/node-port",
			fails: map[string]string{"ingress/node-port": "spread requests"},
		},
		{
			name: "virtual-ip-routed", promise: "a gateway that forwards to the Service's virtual IP is noticed",
			breakIt: routeVirtualIP, plays: "ingress",
			fails: map[string]string{"ingress/endpoints-are-pods": "10.", "ingress/direct-to-pods": "virtual IP"},
		},
		{
			name: "retries-cut", promise: "a gateway that retries less than the route says is noticed",
			breakIt: func(ctx context.Context, t *check.T, s *stack.Stack) {
				applyFixture(ctx, t, s, "no-retries", nil)
				dumped(ctx, t, s, `"num_retries": 1`)
			},
			plays: "ingress", fails: map[string]string{"ingress/retries": "does not retry"},
		},
		{
			name: "timeout-stretched", promise: "a gateway that waits longer than the route says is noticed",
			breakIt: func(ctx context.Context, t *check.T, s *stack.Stack) {
				applyFixture(ctx, t, s, "slow-timeout", nil)
				dumped(ctx, t, s, `"timeout": "4s"`)
			},
			plays: "ingress", fails: map[string]string{"ingress/timeout": "does not end a request"},
		},
	}
}

// dumped waits until the gateway's Envoy has a mutation's configuration.
func dumped(ctx context.Context, t *check.T, s *stack.Stack, words string) {
	t.Eventually(ctx, func() (string, error) { return s.GatewayAdmin(ctx, "config_dump") }).
		WithPolling(time.Second).Should(gomega.ContainSubstring(words))
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
		Should(gomega.ContainSubstring("backend." + s.Namespace + ".svc.cluster.local;::" + service.Spec.ClusterIP + ":80"))
}
