package direct

import (
	"context"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
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
