package direct

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(endpoints)

// endpoints compares what the gateway's Envoy connects to with the pods.
func endpoints(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "endpoints-are-pods",
		Parallel: true,
		Promise:  "the gateway's endpoints of a Service are the addresses of its ready pods, not the Service's virtual IP",
		Run: func(ctx context.Context, t *check.T) {
			pods, err := s.ReadyPods(ctx, s.Namespace, kit.BackendSelector)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(pods).To(gomega.HaveLen(kit.BackendReplicas), "%s", s.DescribePods(ctx, s.Namespace))
			var want []string
			for _, pod := range pods {
				want = append(want, net.JoinHostPort(pod.Status.PodIP, "8080"))
			}
			service, err := backendService(ctx, s)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Diagnose("the gateway's endpoints of a Service are not those that the cluster has",
				"compare the EndpointSlices with istiod's /debug/endpointz and the gateway's clusters in the evidence",
				"https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/")
			var got []string
			t.Eventually(ctx, func() ([]string, error) {
				got, err = kit.GatewayEndpoints(ctx, s, "backend", 80)
				return got, err
			}).Should(gomega.ConsistOf(want), func() string {
				if slices.ContainsFunc(got, func(endpoint string) bool { return strings.HasPrefix(endpoint, service.Spec.ClusterIP+":") }) {
					t.Diagnose("the gateway's endpoint of a Service is the Service's virtual IP",
						"look at the cluster in the gateway's config dump in the evidence, and for an EnvoyFilter that changes it", "https://istio.io/latest/docs/concepts/traffic-management/")
				}
				return fmt.Sprintf("endpoints of Service %s in the gateway; its virtual IP is %s", service.Name, service.Spec.ClusterIP)
			})
			t.Observe("endpoints %v, virtual IP %s", got, service.Spec.ClusterIP)
		},
	}
}

func backendService(ctx context.Context, s *stack.Stack) (*corev1.Service, error) {
	service := &corev1.Service{}
	if err := s.Client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: "backend"}, service); err != nil {
		return nil, fmt.Errorf("get Service %s/backend: %w", s.Namespace, err)
	}
	return service, nil
}
