package discovery

import (
	"context"
	"fmt"
	"net"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(endpointsFollow)

// endpointsFollow scales a backend up and down.
func endpointsFollow(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "endpoints-follow",
		Promise:  "a backend that is scaled up and down is known to the gateway by exactly its ready pods, and all of them answer",
		Parallel: true,
		Long:     true,
		Run: func(ctx context.Context, t *check.T) {
			c := kit.NewScratch(ctx, t, s, "endpoints")
			c.Workload(ctx, t, nil)
			for _, replicas := range []int{3, 1} {
				t.Diagnose("the Deployment does not get its pods", "look at the pods and events in the evidence", "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/")
				t.Expect(scale(ctx, s, c, replicas)).To(gomega.Succeed())
				pods := c.MustHavePods(ctx, t, replicas)
				mustKnow(ctx, t, c, pods)
				mustAnswer(ctx, t, c, pods)
			}
		},
	}
}

// mustKnow waits until the gateway's endpoints are these pods.
func mustKnow(ctx context.Context, t *check.T, c kit.Scratch, pods []corev1.Pod) {
	t.Helper()
	t.Diagnose("the gateway's endpoints of a Service are not those that the cluster has",
		"compare the EndpointSlices with istiod's /debug/endpointz and with the gateway's clusters in the evidence; istiod must be able to list and watch EndpointSlices",
		"https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/")
	var want []string
	for _, pod := range pods {
		want = append(want, net.JoinHostPort(pod.Status.PodIP, "8080"))
	}
	t.Eventually(ctx, func() ([]string, error) { return c.Endpoints(ctx) }).WithTimeout(kit.PropagationTimeout).
		Should(gomega.ConsistOf(want), "endpoints of Service %s/%s in the gateway", c.Namespace, c.Name)
	t.Observe("the gateway knows %v", want)
}

// requestsEach is how many requests a pod is given to answer one of them: Envoy
// takes the less loaded of two that it draws.
const requestsEach = 20

// mustAnswer asserts that requests are answered, by all of the pods and no other.
func mustAnswer(ctx context.Context, t *check.T, c kit.Scratch, pods []corev1.Pod) {
	t.Helper()
	t.Diagnose("requests to a Service are not answered by all of its ready pods, and by no other",
		"look for the requests in the gateway's access log in the evidence", "https://istio.io/latest/docs/concepts/traffic-management/")
	want, got := map[string]bool{}, map[string]bool{}
	for _, pod := range pods {
		want[pod.Name] = true
	}
	for i := 0; i < requestsEach*len(pods) && (len(got) < len(want) || i < requestsEach); i++ {
		response := c.Get(ctx, nil)
		t.Expect(response.Status).To(gomega.Equal(200), "request %d: %s", i, response)
		got[kit.ParseAnswer(t, response).Pod] = true
	}
	t.Expect(got).To(gomega.Equal(want), "pods that answered")
}

func scale(ctx context.Context, s *stack.Stack, c kit.Scratch, replicas int) error {
	deployment := &appsv1.Deployment{}
	deployment.Namespace, deployment.Name = c.Namespace, c.Name
	patch := fmt.Sprintf(`{"spec":{"replicas":%d}}`, replicas)
	return s.Client.Patch(ctx, deployment, client.RawPatch("application/merge-patch+json", []byte(patch)))
}
