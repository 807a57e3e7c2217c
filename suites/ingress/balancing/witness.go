package balancing

import (
	"context"
	"fmt"
	"slices"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

// policy makes a route whose Service of the backend's pods is balanced by a
// traffic policy, in YAML's flow style, and waits until the gateway knows the pods.
func policy(ctx context.Context, t *check.T, s *stack.Stack, policy string) (kit.Route, []corev1.Pod) {
	t.Helper()
	return policyFor(ctx, t, s, "{app: backend}", kit.BackendSelector, policy)
}

// policyFor is policy for other pods.
func policyFor(ctx context.Context, t *check.T, s *stack.Stack, selector, matching, policy string) (kit.Route, []corev1.Pod) {
	t.Helper()
	r := kit.NewRoute(ctx, t, s, "balancing", map[string]string{"Selector": selector, "Policy": policy})
	pods, err := s.ReadyPods(ctx, s.Namespace, matching)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Diagnose("the gateway does not know the ready pods of a Service", "compare the EndpointSlices with the gateway's clusters in the evidence",
		"https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/")
	t.Eventually(ctx, func() ([]string, error) { return kit.GatewayEndpoints(ctx, s, r.Name, 80) }).WithTimeout(kit.PropagationTimeout).
		Should(gomega.ConsistOf(kit.Addresses(pods, 8080)), "endpoints of Service %s in the gateway", r.Name)
	return r, pods
}

// spread is how often each of some pods answered, in the order of the pods.
type spread []int

// sum is the number of all answers.
func (s spread) sum() int {
	n := 0
	for _, count := range s {
		n += count
	}
	return n
}

// distance is between the pod that answered most and the one that did least.
func (s spread) distance() int { return slices.Max(s) - slices.Min(s) }

// answered counts the answers of each pod; another's or another status fails the
// check.
func answered(t *check.T, responses []probe.Response, pods []corev1.Pod) spread {
	t.Helper()
	counts, _ := kit.MustAnswer(t, responses)
	var s spread
	for _, pod := range pods {
		s = append(s, counts[pod.Name])
	}
	t.Expect(s.sum()).To(gomega.Equal(len(responses)), "answers of %v: %v", kit.PodNames(pods), counts)
	return s
}

// sent returns how many requests Envoy has sent to each pod by a Service's
// cluster; an empty subset means all of the Service.
func sent(ctx context.Context, s *stack.Stack, r kit.Route, subset string, pods []corev1.Pod) (spread, error) {
	hosts, err := kit.GatewayHosts(ctx, s, kit.Cluster(s, r.Name, subset, 80))
	if err != nil {
		return nil, err
	}
	var counts spread
	for _, address := range kit.Addresses(pods, 8080) {
		host, ok := hosts[address]
		if !ok {
			return nil, fmt.Errorf("the gateway has no endpoint %s of Service %s", address, r.Name)
		}
		counts = append(counts, int(host.Stats["rq_total"]))
	}
	return counts, nil
}

// mustBeSent asserts that Envoy's own counters have grown by what the pods
// answered since before.
func mustBeSent(ctx context.Context, t *check.T, s *stack.Stack, r kit.Route, subset string, pods []corev1.Pod, before, answers spread) {
	t.Helper()
	want := make(spread, len(answers))
	for i := range answers {
		want[i] = before[i] + answers[i]
	}
	t.Diagnose("what the gateway's Envoy counted differs from what the pods answered", "something else sends requests to this Service, or answers for the pods", "")
	t.Eventually(ctx, func() (spread, error) { return sent(ctx, s, r, subset, pods) }).
		Should(gomega.Equal(want), "requests to %v in Envoy's statistics", kit.PodNames(pods))
}
