package direct

import (
	"context"
	"strings"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "virtual-ip-routed", Promise: "a gateway that forwards to the Service's virtual IP is noticed",
			Break: routeVirtualIP, Plays: "ingress:direct-to-pods,ingress/node-port",
			Fails: map[string]string{
				"ingress/node-port":          "does not come to the backend by mutual TLS", // nor is there any to a virtual IP
				"ingress/endpoints-are-pods": "endpoint of a Service is the Service's virtual IP", "ingress/connection-table": "a connection to a Service's virtual IP",
				"ingress/external-name": "an address that is no pod's", // it is another name of the same Service
			},
		},
		{
			Name: "virtual-ip-by-name", Promise: "a gateway that leaves the choice of a pod to the Service's ClusterIP is noticed when that is unreachable",
			Break: mutation.WithFixture("by-name", map[string]string{"Route": "own-service"}), Plays: "ingress/direct-to-pods,ingress/endpoints-are-pods",
			Fails: map[string]string{"ingress/direct-to-pods": "requests fail while the Service's ClusterIP"},
		},
		{
			Name: "unready-pods-asked", Promise: "a gateway that sends requests to pods that are not ready is noticed",
			Break: mutation.WithFixture("always-panic", nil), Plays: "ingress:direct-to-pods",
			Fails: map[string]string{"ingress/endpoints-follow-health": "sends requests to other pods all the same"},
		},
		{
			Name: "names-unresolved", Promise: "a cluster whose DNS does not answer is noticed where the gateway needs it, and only there",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				mutation.Scale(ctx, t, s, "kube-system", "coredns", 0)
			},
			Plays: "ingress/external-name,ingress/service-entry,ingress/headless-service,ingress/endpoints-are-pods",
			Fails: map[string]string{"ingress/external-name": "by its name", "ingress/service-entry": "by its name"},
		},
		{
			Name: "istiod-lost-in-a-rollout", Promise: "a gateway that loses istiod while a Service gets new pods is noticed",
			Break: cutOffAtSecondPod("rollout-"), Plays: "ingress/endpoints-follow-rollout,ingress/endpoints-are-pods",
			Fails: map[string]string{"ingress/endpoints-follow-rollout": "does not follow a change of the pods"},
		},
		{
			Name: "istiod-lost-without-kube-proxy", Promise: "a gateway that loses istiod while kube-proxy is stopped is noticed",
			Break: cutOffAtSecondPod("no-kube-proxy-"), Plays: "ingress/without-kube-proxy,ingress/endpoints-are-pods",
			Fails: map[string]string{"ingress/without-kube-proxy": "does not follow a change of the pods"},
		},
		{
			Name: "kube-proxy-hangs", Promise: "a kube-proxy that runs and does nothing is noticed where something changes, and only there",
			Break: hangKubeProxy,
			Plays: "ingress/direct-to-pods,ingress/without-kube-proxy,ingress/external-traffic-policy,ingress/gateway-pod-deleted,ingress/node-port,ingress/endpoints-follow-rollout",
			Fails: map[string]string{
				"ingress/direct-to-pods": "the virtual IP must be reachable", "ingress/without-kube-proxy": "the virtual IP must be reachable",
				"ingress/external-traffic-policy": "a node without a gateway pod answers", "ingress/gateway-pod-deleted": "does not spread connections over both gateway pods",
			},
		},
	}
}

// routeVirtualIP makes the Service's virtual IP the gateway's only endpoint.
func routeVirtualIP(ctx context.Context, t *check.T, s *stack.Stack) {
	service := &corev1.Service{}
	t.Expect(s.Client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: "backend"}, service)).To(gomega.Succeed())
	mutation.ApplyFixture(ctx, t, s, "cluster-ip", map[string]string{"Namespace": s.Namespace, "ClusterIP": service.Spec.ClusterIP})
	t.Eventually(ctx, func() (string, error) { return s.GatewayAdmin(ctx, "clusters") }).
		Should(gomega.ContainSubstring("backend." + s.Namespace + ".svc.cluster.local::" + service.Spec.ClusterIP + ":80"))
}

// cutOffAtSecondPod cuts the gateway off from istiod when an app of that prefix gets a pod
// beside its first one.
func cutOffAtSecondPod(prefix string) func(context.Context, *check.T, *stack.Stack) {
	return func(ctx context.Context, t *check.T, s *stack.Stack) {
		cut, pods := kit.CutOff(ctx, t, s, ""), 0
		events, err := s.Cluster.Kube.CoreV1().Pods(s.Namespace).Watch(ctx, metav1.ListOptions{})
		t.Expect(err).NotTo(gomega.HaveOccurred())
		mutation.Whenever(ctx, t, events, func(ctx context.Context, event watch.Event) error {
			pod, is := event.Object.(*corev1.Pod)
			if !is || event.Type != watch.Added || !strings.HasPrefix(pod.Labels["app"], prefix) {
				return nil
			}
			if pods++; pods != 2 {
				return nil
			}
			return cut(ctx)
		})
	}
}

// hangKubeProxy stops kube-proxy on every node where it stands.
func hangKubeProxy(ctx context.Context, t *check.T, s *stack.Stack) {
	mutation.Mend(ctx, t, func(ctx context.Context) { t.Expect(signalKubeProxy(ctx, s, "CONT")).To(gomega.Succeed()) })
	t.Expect(signalKubeProxy(ctx, s, "STOP")).To(gomega.Succeed())
}
