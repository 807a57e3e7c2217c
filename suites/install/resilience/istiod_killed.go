package resilience

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// recoverTimeout bounds the time from istiod's end to a new one that serves, on a
// busy machine too.
const recoverTimeout = 2 * time.Minute

var _ = Checks.AddAt(1, istiodKilled)

// istiodKilled kills istiod's only pod while requests pass the gateway.
func istiodKilled(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "istiod-killed",
		Promise: "when istiod is killed no request fails, the proxies connect to the next istiod, and new configuration reaches them",
		Timeout: 5 * time.Minute,
		Run: func(ctx context.Context, t *check.T) {
			c := kit.NewScratch(ctx, t, s, "killed")
			c.Workload(ctx, t, map[string]string{"Inject": "true"})
			old := kit.IstiodPods(ctx, t, s)
			traffic := kit.StartTraffic(ctx, c)
			t.Cleanup(func() { traffic.Stop() })
			killed := time.Now()
			for i := range old {
				t.Expect(s.Client.Delete(ctx, &old[i], &client.DeleteOptions{GracePeriodSeconds: ptr.To(int64(0))})).To(gomega.Succeed())
			}
			t.Diagnose("no new istiod becomes ready after the old one was killed", "look at istiod's pods, events and log in the evidence",
				"https://istio.io/latest/docs/ops/common-problems/")
			t.Eventually(ctx, func() (bool, error) { return renewed(ctx, s, old) }).WithTimeout(recoverTimeout).
				Should(gomega.BeTrue(), "a new istiod\n%s", s.DescribePods(ctx, stack.SystemNamespace))
			back := time.Since(killed)
			mustReconnect(ctx, t, s)
			// Before the check changes routes: a new route is no witness of the old one.
			result := traffic.Stop()
			mustConfigure(ctx, t, s)
			mustHaveServed(t, result)
			t.Observe("a new istiod was ready after %s; %d requests meanwhile", back.Round(100*time.Millisecond), result.Requests)
		},
	}
}

// renewed reports whether istiod's ready pods are others than these.
func renewed(ctx context.Context, s *stack.Stack, old []corev1.Pod) (bool, error) {
	pods, err := s.ReadyPods(ctx, stack.SystemNamespace, kit.IstiodSelector)
	same := func(p corev1.Pod) bool {
		return slices.ContainsFunc(old, func(o corev1.Pod) bool { return o.UID == p.UID })
	}
	return len(pods) > 0 && !slices.ContainsFunc(pods, same), err
}

// mustReconnect waits until the gateway is connected to an istiod and synced.
func mustReconnect(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Helper()
	t.Diagnose("a proxy does not find the new istiod, or does not accept what that sends",
		"look for xDS connection errors in the gateway's log and at the EndpointSlices of Service istiod in the evidence",
		"https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/")
	t.Eventually(ctx, kit.GatewayState(ctx, t, s)).WithTimeout(recoverTimeout).
		Should(gomega.And(gomega.Not(gomega.BeEmpty()), gomega.HaveEach(gomega.HaveField("Synced()", true))), "sync state of the gateway's proxies")
}

// mustConfigure waits until the gateway serves a host that is new.
func mustConfigure(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Helper()
	kit.MustJudge(ctx, t, s)
	fresh := kit.NewScratch(ctx, t, s, "fresh")
	t.Diagnose("istiod serves again and a valid resource is refused", "the message says who refused it", "https://istio.io/latest/docs/ops/common-problems/validation/")
	again := kit.ApplyAgain(ctx, t, s, fresh.Namespace, "install/answer.yaml", fresh.Values(map[string]string{"Body": fresh.Name}))
	t.Diagnose("istiod serves again and new configuration does not reach the gateway",
		"look at istiod's log: is it the leader, does it read from the API server?", "https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/")
	t.Eventually(ctx, func() string {
		response := fresh.Get(ctx, nil)
		return fmt.Sprintf("%d %s", response.Status, response.Body)
	}).WithTimeout(kit.PropagationTimeout).Should(gomega.Equal("200 "+fresh.Name), "a route that is new since istiod is")
	if again > 0 {
		t.Observe("new configuration was taken after %d tries that met the istiod that was ending", again)
	}
}

// mustHaveServed asserts that requests were sent and that all were answered.
func mustHaveServed(t *check.T, result kit.TrafficResult) {
	t.Helper()
	t.Diagnose("requests fail while istiod is away",
		"look for the failed requests' flags in the gateway's access log in the evidence", "https://istio.io/latest/docs/ops/deployment/architecture/")
	t.Expect(result.Failures).To(gomega.BeEmpty(), "%d of %d requests failed", result.Failed, result.Requests)
	t.Expect(result.Requests).To(gomega.BeNumerically(">", 0))
}
