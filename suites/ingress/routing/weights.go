package routing

import (
	"context"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/stats"
	"istio-conformance/suites/kit"
)

const (
	// weightedRequests tell 90/10 from 80/20 and from 97/3.
	weightedRequests = 500
	// smallWeight is the share of v2 in fixtures/routes/routing-weights.yaml.
	smallWeight = 0.1
)

var _ = Checks.Add(weights)

// weights counts how requests are split between two versions.
func weights(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "route-weights",
		Parallel: true,
		Promise:  "weights 90 and 10 split the requests so, within the bound that chance exceeds once in a million runs",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "routing-weights", nil)
			before, err := split(ctx, s, r)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			_, versions := kit.MustAnswer(t, r.Bulk(ctx, "/", weightedRequests, nil))
			want := stats.Expected(weightedRequests, smallWeight, stats.Level)
			low, high := stats.Confidence(weightedRequests, versions["v2"], stats.Level)
			t.Observe("v1 %d, v2 %d of %d requests; want %s for v2; its share is between %.3f and %.3f", versions["v1"], versions["v2"], weightedRequests, want, low, high)
			t.Diagnose("the gateway does not split requests by the weights of the VirtualService",
				"look at the route's weighted_clusters in the gateway's config dump in the evidence", "https://istio.io/latest/docs/tasks/traffic-management/traffic-shifting/")
			t.Expect(want.Contains(versions["v2"])).To(gomega.BeTrue(), "v2 answered %d of %d requests, want %s of a share of %v", versions["v2"], weightedRequests, want, smallWeight)
			t.Diagnose("what the gateway's Envoy counted differs from what the backends answered", "something else sends requests to this route, or answers for the backend", "")
			t.Eventually(ctx, func() (map[string]uint64, error) { return grown(ctx, s, r, before) }).
				Should(gomega.Equal(map[string]uint64{"v1": uint64(versions["v1"]), "v2": uint64(versions["v2"])}), "requests in Envoy's statistics of the two subsets")
		},
	}
}

// split returns how many requests Envoy has sent to each version.
func split(ctx context.Context, s *stack.Stack, r kit.Route) (map[string]uint64, error) {
	counts := map[string]uint64{}
	for _, version := range []string{"v1", "v2"} {
		counted, err := kit.GatewayStats(ctx, s, kit.Cluster(s, r.Name, version, 80))
		if err != nil {
			return nil, err
		}
		counts[version] = counted["upstream_rq_total"]
	}
	return counts, nil
}

// grown returns how many requests Envoy has sent to each version since before.
func grown(ctx context.Context, s *stack.Stack, r kit.Route, before map[string]uint64) (map[string]uint64, error) {
	counts, err := split(ctx, s, r)
	for version := range counts {
		counts[version] -= before[version]
	}
	return counts, err
}
