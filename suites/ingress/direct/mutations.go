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
				"ingress/node-port":          "spiffe://", // nor is there mutual TLS to a virtual IP
				"ingress/endpoints-are-pods": "istiod's view of the Service differs", "ingress/direct-to-pods": "sends traffic to the Service's virtual IP",
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
