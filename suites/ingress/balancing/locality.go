package balancing

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/util/rand"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/stats"
	"istio-conformance/suites/kit"
)

// linkLocality is where balancing by place is documented.
const linkLocality = "https://istio.io/latest/docs/tasks/traffic-management/locality-load-balancing/"

// nearShare is the weight of the first of two zones.
const nearShare = 0.8

var _ = Checks.Add(distribute)

// distribute spreads requests over two zones by weight.
func distribute(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "balance-locality-weights",
		Parallel: true,
		Promise:  "locality weights 80 and 20 spread requests over the pods of two zones so, within the bound that chance exceeds once in a million runs",
		Run: func(ctx context.Context, t *check.T) {
			app := "zones-" + rand.String(5)
			kit.ApplyData(ctx, t, s, s.Namespace, "apps/localities.yaml", map[string]any{"Name": app, "Backend": s.Images.Backend, "Zones": []string{"near", "far"}})
			t.Diagnose("the check's own pods do not become ready", "look at the pods and events in the evidence", "")
			kit.MustHavePods(ctx, t, s, s.Namespace, "app="+app, 2)
			r, pods := policyFor(ctx, t, s, fmt.Sprintf("{app: %s}", app), "app="+app,
				`{loadBalancer: {simple: ROUND_ROBIN, localityLbSetting: {enabled: true, distribute: [{from: "*", to: {"conformance/near/*": 80, "conformance/far/*": 20}}]}}}`)
			before, err := sent(ctx, s, r, "", pods)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			counts := answered(t, r.Bulk(ctx, "/", requests, nil), pods)
			near := slices.Index(kit.PodNames(pods), app+"-near")
			want := stats.Expected(requests, nearShare, stats.Level)
			t.Observe("%d requests: %d to zone near, %d to zone far; want %s", requests, counts[near], counts[1-near], want)
			t.Diagnose("the gateway does not weigh localities as the DestinationRule says",
				"look at the locality and weight of the endpoints in the gateway's clusters in the evidence, and whether another DestinationRule hides this one", linkLocality)
			t.Expect(want.Contains(counts[near])).To(gomega.BeTrue(), "requests to zone near: %d of %d, want %s of a share of %v", counts[near], requests, want, nearShare)
			mustBeSent(ctx, t, s, r, "", pods, before, counts)
		},
	}
}

var _ = Checks.Add(failover)

// failover prefers one version, and makes it fail.
func failover(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "balance-failover",
		Parallel: true,
		Promise:  "with failoverPriority all requests go to the preferred pods, to the others while those are ejected, and back",
		Run: func(ctx context.Context, t *check.T) {
			r, _ := policy(ctx, t, s, `{loadBalancer: {simple: ROUND_ROBIN, localityLbSetting: {enabled: true, failoverPriority: ["version=v2"]}}, outlierDetection: {consecutive5xxErrors: 2, interval: 500ms, baseEjectionTime: 3s, maxEjectionPercent: 100}}`)
			t.Diagnose("the gateway does not prefer the pods that failoverPriority names", "look at the priority of the endpoints in the gateway's clusters in the evidence", linkLocality)
			_, versions := kit.MustAnswer(t, r.Bulk(ctx, "/", 20, nil))
			t.Expect(versions).To(gomega.Equal(map[string]int{"v2": 20}), "versions that answered")
			t.Diagnose("the gateway does not fail over to other pods when the preferred ones are ejected", "look at the health of the endpoints in the gateway's clusters in the evidence", linkLocality)
			v2, err := s.ReadyPods(ctx, s.Namespace, kit.BackendV2)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			failing := "/?status=500&pod=" + v2[0].Name
			t.Eventually(ctx, func() int {
				r.Get(ctx, failing, nil)
				response := r.Get(ctx, failing, nil)
				if response.Status != http.StatusOK {
					return response.Status
				}
				t.Expect(kit.ParseAnswer(t, response).Version).To(gomega.Equal("v1"), "version that answers while v2 fails")
				return response.Status
			}).Should(gomega.Equal(http.StatusOK), "status while v2 fails every request")
			t.Diagnose("the gateway does not come back to the preferred pods when their ejection is over", "look at the health of the endpoints in the gateway's clusters in the evidence", linkLocality)
			t.Eventually(ctx, func() string {
				response := r.Get(ctx, "/", nil)
				t.Expect(response.Status).To(gomega.Equal(http.StatusOK), "%s", response)
				return kit.ParseAnswer(t, response).Version
			}).Should(gomega.Equal("v2"), "version that answers once v2 may again")
			t.Observe("v2 answered all, v1 while v2 was ejected, then v2 again")
		},
	}
}
