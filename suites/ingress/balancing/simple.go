package balancing

import (
	"context"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/internal/traffic/stats"
	"istio-conformance/suites/kit"
)

// requests are enough that an uneven balance of one half against one quarter is
// told from an even one.
const requests = 300

var _ = Checks.Add(random)

// random spreads requests by chance.
func random(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "balance-random",
		Parallel: true,
		Promise:  "RANDOM gives each pod its share, by a chi-square test that a fair balance fails once in a million runs",
		Run: func(ctx context.Context, t *check.T) {
			r, pods := policy(ctx, t, s, "{loadBalancer: {simple: RANDOM}}")
			before, err := sent(ctx, s, r, "", pods)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			counts := answered(t, r.Bulk(ctx, "/", requests, nil), pods)
			mustBeEven(t, counts)
			mustBeSent(ctx, t, s, r, "", pods, before, counts)
		},
	}
}

// mustBeEven asserts that chance explains how uneven the counts are.
func mustBeEven(t *check.T, counts spread) {
	statistic, probability := stats.ChiSquare(counts, stats.Uniform(len(counts)))
	t.Observe("%d requests: %v; chi-square %.2f, of probability %.3g", counts.sum(), counts, statistic, probability)
	t.Diagnose("the gateway favours some pods of a Service", "look at the weights and the health of its endpoints in the gateway's clusters in the evidence", link)
	t.Expect(probability).To(gomega.BeNumerically(">=", stats.Level), "probability of counts %v if all pods have the same share (chi-square %.1f)", counts, statistic)
}

var _ = Checks.Add(roundRobin)

// roundRobin counts how even the requests are spread in turns.
func roundRobin(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "balance-round-robin",
		Parallel: true,
		Promise:  "ROUND_ROBIN gives every pod its turn: over one connection, and so one thread of the gateway, the counts differ by one at most",
		Run: func(ctx context.Context, t *check.T) {
			r, pods := policy(ctx, t, s, "{loadBalancer: {simple: ROUND_ROBIN}}")
			session := r.OneConnection(ctx, t)
			before, err := sent(ctx, s, r, "", pods)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			counts := make(spread, len(pods))
			var turns []int
			for range requests / 3 {
				one := answered(t, []probe.Response{session.Get(ctx, "/", nil)}, pods)
				for i, n := range one {
					counts[i] += n
					if n > 0 {
						turns = append(turns, i)
					}
				}
			}
			t.Observe("%d requests over one connection: %v", counts.sum(), counts)
			t.Diagnose("the gateway does not take the pods in turn", "look at lb_policy of this Service's cluster in the gateway's config dump in the evidence, and whether another DestinationRule hides this one", link)
			t.Expect(counts.distance()).To(gomega.BeNumerically("<=", 1), "counts %v of turns %v", counts, turns)
			mustBeSent(ctx, t, s, r, "", pods, before, counts)
		},
	}
}

// busyRequests wait at one pod while others are balanced: more than all of these can
// be at another pod, however slow the machine is, so that no other is ever busier.
const busyRequests = kit.Parallel + 1

var _ = Checks.Add(leastRequest)

// leastRequest keeps one pod busy and counts how many of other requests it gets.
func leastRequest(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "balance-least-request",
		Parallel: true,
		Promise:  "LEAST_REQUEST avoids a busy pod: of three it gets a request only when both random candidates are that pod, one time in nine",
		Run: func(ctx context.Context, t *check.T) {
			r, pods := policy(ctx, t, s, "{loadBalancer: {simple: LEAST_REQUEST}}")
			t.Expect(pods).To(gomega.HaveLen(kit.BackendReplicas))
			busy := pods[0]
			session := r.OneConnection(ctx, t)
			t.Diagnose("the check cannot keep one pod busy", "look at rq_active of its endpoint in the gateway's clusters in the evidence", "")
			active := func() (uint64, error) {
				hosts, err := kit.GatewayHosts(ctx, s, kit.Cluster(s, r.Name, "", 80))
				return hosts[kit.Addresses(pods[:1], 8080)[0]].Stats["rq_active"], err
			}
			// The others answer at once, so that what is sent stays with the busy pod only.
			order := "/?delay=45s&pod=" + busy.Name
			held, release := context.WithCancel(ctx)
			defer release()
			t.Eventually(ctx, func() (uint64, error) {
				for range busyRequests {
					session.Hold(held, order, nil)
				}
				return active()
			}).Should(gomega.BeNumerically(">=", busyRequests), "requests in flight to pod %s", busy.Name)
			counts := answered(t, r.Bulk(ctx, "/", requests, nil), pods)
			still, err := active()
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(still).To(gomega.BeNumerically(">=", busyRequests), "requests in flight to pod %s in the end: what was seen proves nothing", busy.Name)
			most := stats.AtMost(requests, 1.0/9, stats.Level)
			t.Observe("%d requests while pod %s had %d in flight: %v, want %d at most for it, an even share is %d", requests, busy.Name, still, counts, most, requests/3)
			t.Diagnose("the gateway does not prefer pods with fewer requests in flight",
				"look at lb_policy of this Service's cluster in the gateway's config dump in the evidence, and whether another DestinationRule hides this one", link)
			t.Expect(counts[0]).To(gomega.BeNumerically("<=", most), "requests to the busy pod %s among %v", busy.Name, counts)
		},
	}
}

var _ = Checks.Add(subsets)

// subsets compares the endpoints of subsets with the pods of the versions.
func subsets(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "balance-subset",
		Parallel: true,
		Promise:  "a subset's requests go to the pods with its labels only, and are balanced over them",
		Run: func(ctx context.Context, t *check.T) {
			r, _ := policy(ctx, t, s, "{loadBalancer: {simple: RANDOM}}")
			for subset, selector := range map[string]string{"v1": kit.BackendV1, "v2": kit.BackendV2} {
				pods, err := s.ReadyPods(ctx, s.Namespace, selector)
				t.Expect(err).NotTo(gomega.HaveOccurred())
				t.Diagnose("the gateway's subset is not the pods with its labels", "compare the subset's endpoints in the gateway's clusters in the evidence with the pods' labels",
					"https://istio.io/latest/docs/reference/config/networking/destination-rule/#Subset")
				hosts, err := kit.GatewayHosts(ctx, s, kit.Cluster(s, r.Name, subset, 80))
				t.Expect(err).NotTo(gomega.HaveOccurred())
				t.Expect(hosts).To(gomega.HaveLen(len(pods)), "endpoints of subset %s: %v", subset, hosts)
				before, err := sent(ctx, s, r, subset, pods)
				t.Expect(err).NotTo(gomega.HaveOccurred())
				t.Diagnose("a subset's requests are answered by pods that do not have the subset's labels",
					"look at the cluster of this host's routes in the gateway's config dump in the evidence: it must be the subset's", link)
				counts := answered(t, r.Bulk(ctx, "/"+subset, requests/3, nil), pods)
				mustBeEven(t, counts)
				mustBeSent(ctx, t, s, r, subset, pods, before, counts)
			}
		},
	}
}
