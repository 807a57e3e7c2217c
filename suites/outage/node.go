package outage

import (
	"context"
	"strings"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/kit/flow"
	"istio-conformance/suites/mutation"
)

// nodeAway is how long a node stands still: less than what Kubernetes takes for a lost
// node, so that nobody but the proxies notices.
const nodeAway = 20 * time.Second

var _ = kubernetes.AddAt(5, nodePaused)

// nodePaused halts the node on which the gateway, istiod and most backends run. A second
// gateway on the node by which traffic enters has to find out which backends answer.
func nodePaused(s *stack.Stack) check.Check {
	const link = "https://istio.io/latest/docs/concepts/traffic-management/#network-resilience-and-testing"
	return check.Check{
		Name:    "node-paused",
		Promise: "while a node stands still a route with a timeout for each try, retries and outlier detection fails no request, and new configuration reaches the gateway when the node runs again",
		Timeout: outageTimeout,
		Run: func(ctx context.Context, t *check.T) {
			r := prepare(ctx, t, s, "a node stands still", "outage-node", nil)
			entry := s.Cluster.Nodes()[0].Name
			other := otherNode(ctx, t, s, entry)
			pod := mustServeOn(ctx, t, s, entry)
			onlyLocalGateways(ctx, t, s)
			mustEnterBy(ctx, t, r, pod)
			r.startKinds(ctx, t, flow.Kinds("")[:2]) // from pod to pod the route does not apply
			resume := func(ctx context.Context) { t.Expect(s.Cluster.Resume(ctx, other)).To(gomega.Succeed()) }
			t.CleanupWithin(ctx, backTimeout, resume)
			t.Diagnose("the container engine cannot pause a node", "the message says why", "https://docs.docker.com/reference/cli/docker/container/pause/")
			t.Expect(s.Cluster.Pause(ctx, other)).To(gomega.Succeed())
			last(ctx, t, nodeAway)
			resume(ctx)
			r.back()
			r.configure(ctx, t)
			r.judge(ctx, t, flow.Nothing, "look for the failed requests' flags and upstream_host in the gateway's access log in the evidence: was another pod tried?", link)
		},
		Breaks: []check.Break{{
			Name: "silent-pods-not-given-up", Promise: "a gateway that waits for a pod that does not answer is noticed",
			// No number of retries: merged into a route, a zero changes nothing.
			Make: mutation.On(s, mutation.EveryRoute("{retry_policy: {retry_on: retriable-4xx}}")),
			Says: "requests fail or wait while a node stands still",
		}},
	}
}

// otherNode is one that traffic does not enter by; there must be backends on both.
func otherNode(ctx context.Context, t *check.T, s *stack.Stack, entry string) string {
	t.Helper()
	pods, err := s.ReadyPods(ctx, s.Namespace, kit.BackendSelector)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	on := map[string]int{}
	other := ""
	for _, pod := range pods {
		on[pod.Spec.NodeName]++
		if pod.Spec.NodeName != entry {
			other = pod.Spec.NodeName
		}
	}
	if on[entry] == 0 || other == "" {
		t.Skipf("the backends are not on two nodes: %v; a cluster with one node has none to spare", on)
	}
	t.Observe("backends on the nodes: %v; %s stands still", on, other)
	return other
}

// mustServeOn makes a gateway pod on a node, and waits until it is ready.
func mustServeOn(ctx context.Context, t *check.T, s *stack.Stack, node string) *corev1.Pod {
	t.Helper()
	pod := gatewayPod(ctx, t, s, func(spec *corev1.PodSpec) {
		spec.NodeName = node
		spec.Tolerations = append(spec.Tolerations, corev1.Toleration{Operator: corev1.TolerationOpExists})
	})
	t.Diagnose("a second gateway pod does not become ready", "look at the pod and its events in the evidence", "https://istio.io/latest/docs/setup/additional-setup/gateway/")
	t.Eventually(ctx, func() ([]string, error) {
		ready, err := s.ReadyPods(ctx, pod.Namespace, s.Gateway.Selector)
		return kit.PodNames(ready), err
	}).WithTimeout(backTimeout).Should(gomega.ContainElement(pod.Name), "%s", s.DescribePods(ctx, pod.Namespace))
	return pod
}

// mustEnterBy waits until new connections lead to that gateway pod alone: kube-proxy learns
// a moment later.
func mustEnterBy(ctx context.Context, t *check.T, r *ride, pod *corev1.Pod) {
	t.Helper()
	const requests = 12 // with two gateway pods, all by one of them once in 4096 times
	t.Diagnose("a node with externalTrafficPolicy: Local leads new connections to another node's gateway", "look at kube-proxy's log on the node",
		"https://kubernetes.io/docs/reference/networking/virtual-ips/#external-traffic-policy")
	mark := ""
	t.Eventually(ctx, func() (int, error) {
		text, err := r.stack.PodLog(ctx, pod, kit.ProxyContainer, time.Minute)
		seen := 0
		if mark != "" {
			seen = strings.Count(text, mark)
		}
		mark = "/?enters=" + rand.String(8)
		r.route.Bulk(ctx, mark, requests, nil)
		return seen, err
	}).WithTimeout(backTimeout).WithPolling(2*time.Second).Should(gomega.Equal(requests), "requests in the access log of pod %s", pod.Name)
}

// onlyLocalGateways has each node lead its node ports to its own gateway pods alone, until
// the check ends.
func onlyLocalGateways(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Helper()
	set := func(ctx context.Context, policy corev1.ServiceExternalTrafficPolicy) (old corev1.ServiceExternalTrafficPolicy) {
		t.Helper()
		service := &corev1.Service{}
		t.Expect(s.Client.Get(ctx, client.ObjectKey{Namespace: s.Gateway.Namespace, Name: s.Gateway.Release}, service)).To(gomega.Succeed())
		patch := client.MergeFrom(service.DeepCopy())
		old, service.Spec.ExternalTrafficPolicy = service.Spec.ExternalTrafficPolicy, policy
		t.Expect(s.Client.Patch(ctx, service, patch)).To(gomega.Succeed())
		return old
	}
	var old corev1.ServiceExternalTrafficPolicy
	t.CleanupWithin(ctx, kit.CleanupTimeout, func(ctx context.Context) {
		if old != "" {
			set(ctx, old)
		}
	})
	old = set(ctx, corev1.ServiceExternalTrafficPolicyLocal)
}
