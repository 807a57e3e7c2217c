package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/envoy"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/ambient/mesh"
	"istio-conformance/suites/kit"
)

// waypointLink is where waypoints are documented.
const waypointLink = "https://istio.io/latest/docs/ambient/usage/waypoint/"

var _ = Checks.Add(waypoint)

// waypoint puts a waypoint before a Service.
func waypoint(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "waypoint",
		Promise: "a waypoint before a Service changes requests as its HTTPRoute says, tries a failed one again, and refuses what a policy about HTTP forbids",
		Timeout: 4 * time.Minute,
		SkipIf: func() string {
			if !slices.Contains(s.MissingFilters(), envoy.PeerMetadata) {
				return ""
			}
			return fmt.Sprintf("the proxy, Envoy %s, lacks Istio's filter %s and so refuses to listen for HBONE: no waypoint can run", s.Proxy().Version, envoy.PeerMetadata)
		},
		Run: func(ctx context.Context, t *check.T) {
			kit.MustHaveGatewayAPI(ctx, t, s)
			m := mesh.New(ctx, t, s, "waypoint")
			nodes := s.Cluster.Nodes()
			pods := m.Start(ctx, t, mesh.Wanted{Role: "client", Node: nodes[0].Name, Mode: mesh.Ambient}, mesh.Wanted{Role: "server", Node: nodes[len(nodes)-1].Name, Mode: mesh.Ambient})
			asking, server := pods[0], pods[1]
			kit.Apply(ctx, t, s, m.Namespace, "ambient/waypoint.yaml", map[string]string{"Name": m.Name, "Server": server.Name})
			t.Diagnose("istiod does not start the waypoint that a Gateway of class istio-waypoint asks for, or it does not become ready", "look at the Gateway's conditions and the pods in the evidence", waypointLink)
			t.Eventually(ctx, func() ([]corev1.Pod, error) {
				return s.ReadyPods(ctx, m.Namespace, "gateway.networking.k8s.io/gateway-name="+m.Name)
			}).WithTimeout(kit.PodTimeout).ShouldNot(gomega.BeEmpty(), "pods of the waypoint\n%s", s.DescribePods(ctx, m.Namespace))
			use(ctx, t, s, server, m.Name)
			t.Diagnose("requests to a Service do not go by its waypoint, or the waypoint does not do what the HTTPRoute says", "istioctl ztunnel-config services; look at the waypoint's pod in the evidence", waypointLink)
			t.Eventually(ctx, func() (http.Header, error) {
				answer, _, err := answered(ctx, asking, http.MethodGet, server.URL(mesh.HTTP))
				return answer.Headers, err
			}).WithTimeout(kit.PropagationTimeout).Should(gomega.HaveKeyWithValue("X-Waypoint", []string{m.Name}), "headers of a request as the server got it")
			t.Diagnose("a waypoint does not try a failed request again", "look at the waypoint's log in the evidence", "https://istio.io/latest/docs/concepts/traffic-management/#retries")
			answer, outcome, err := answered(ctx, asking, http.MethodGet, server.URL(mesh.HTTP)+"?status=503&attempts=1")
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(outcome.Status).To(gomega.Equal(http.StatusOK), "a request whose first attempt fails: %s", outcome)
			t.Expect(answer.Attempt).To(gomega.Equal(2), "the attempt that was answered")
			t.Diagnose("a waypoint lets through what a policy about HTTP forbids", "look at the waypoint's log in the evidence", "https://istio.io/latest/docs/ambient/usage/l7-features/")
			t.Eventually(ctx, func() (int, error) {
				o, err := asking.Ask(ctx, http.MethodDelete, server.URL(mesh.HTTP))
				return o.Status, err
			}).WithTimeout(kit.PropagationTimeout).Should(gomega.Equal(http.StatusForbidden), "status of a DELETE request")
			asking.MustReach(ctx, t, server, server.URL(mesh.HTTP))
			t.Observe("route, retry and policy by the waypoint %s", m.Name)
		},
	}
}

// use labels a Service with its waypoint.
func use(ctx context.Context, t *check.T, s *stack.Stack, server mesh.Pod, waypoint string) {
	t.Helper()
	service := &corev1.Service{}
	service.Namespace, service.Name = server.Namespace, server.Name
	patch := fmt.Sprintf(`{"metadata":{"labels":{"istio.io/use-waypoint":%q}}}`, waypoint)
	t.Expect(s.Client.Patch(ctx, service, client.RawPatch("application/merge-patch+json", []byte(patch)))).To(gomega.Succeed())
}

// answered asks from a pod and returns the backend's answer.
func answered(ctx context.Context, from mesh.Pod, method, url string) (kit.Answer, mesh.Outcome, error) {
	outcome, err := from.Ask(ctx, method, url)
	if err != nil {
		return kit.Answer{}, outcome, err
	}
	var answer kit.Answer
	if err := json.Unmarshal([]byte(outcome.Body), &answer); err != nil {
		return kit.Answer{}, outcome, fmt.Errorf("the answer is not the backend's: %s: %w", outcome, err)
	}
	return answer, outcome, nil
}
