package balancing

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/internal/traffic/stats"
	"istio-conformance/suites/kit"
)

const (
	// keys are enough that all pods have some.
	keys = 40
	// repeats is how often each is asked for.
	repeats = 3
)

var _ = Checks.Add(consistentHash)

// consistentHash asks with the same headers and cookies again and again.
func consistentHash(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "balance-consistent-hash",
		Parallel: true,
		Promise:  "consistentHash by header and by cookie sends the same key to the same pod, different keys to all pods, and gives a client without a cookie one",
		Run: func(ctx context.Context, t *check.T) {
			byHeader, pods := policy(ctx, t, s, "{loadBalancer: {consistentHash: {httpHeaderName: x-key}}}")
			byCookie, _ := policy(ctx, t, s, "{loadBalancer: {consistentHash: {httpCookie: {name: session, ttl: 60s, path: /}}}}")
			before, err := sent(ctx, s, byHeader, "", pods)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Diagnose("the gateway does not send requests with the same key to the same pod",
				"look at hash_policy of this host's routes and at lb_policy of its cluster in the gateway's config dump in the evidence", link)
			responses := byHeader.Bulk(ctx, "/", keys*repeats, func(i int) http.Header { return http.Header{"X-Key": {key(i % keys)}} })
			chosen := mustAgree(t, responses, "header")
			mustDiffer(t, chosen, len(pods))
			mustBeSent(ctx, t, s, byHeader, "", pods, before, answered(t, responses, pods))

			t.Diagnose("the gateway does not send requests with the same cookie to the same pod, or sets none",
				"look at hash_policy of this host's routes and at lb_policy of its cluster in the gateway's config dump in the evidence", link)
			var cookies []string
			given := map[int]string{}
			for i := range 6 {
				first := byCookie.Get(ctx, "/", nil)
				t.Expect(first.Headers.Get("Set-Cookie")).To(gomega.MatchRegexp(`^session=.+; Max-Age=60; Path=/`), "Set-Cookie for a client without a cookie: %s", first)
				value, _, _ := strings.Cut(first.Headers.Get("Set-Cookie"), ";")
				cookies = append(cookies, value)
				given[i] = kit.ParseAnswer(t, first).Pod
			}
			again := byCookie.Bulk(ctx, "/", len(cookies)*repeats, func(i int) http.Header { return http.Header{"Cookie": {cookies[i%len(cookies)]}} })
			for i, response := range again {
				t.Expect(kit.ParseAnswer(t, response).Pod).To(gomega.Equal(given[i%len(cookies)]), "pod for cookie %s, which it was given with", cookies[i%len(cookies)])
				t.Expect(response.Headers).NotTo(gomega.HaveKey("Set-Cookie"), "a client that has a cookie is given another")
			}
			t.Observe("%d keys, %d requests each: every key had one pod, all %d pods had keys; the same with %d cookies", keys, repeats, len(pods), len(cookies))
		},
	}
}

func key(i int) string { return fmt.Sprintf("key-%d", i) }

// mustAgree returns the pod of each key, and asserts that each has one only.
func mustAgree(t *check.T, responses []probe.Response, what string) map[int]string {
	t.Helper()
	chosen := map[int]string{}
	for i, response := range responses {
		t.Expect(response.Status).To(gomega.Equal(http.StatusOK), "%s", response)
		pod := kit.ParseAnswer(t, response).Pod
		if before, ok := chosen[i%keys]; ok {
			t.Expect(pod).To(gomega.Equal(before), "pod for %s %s", what, key(i%keys))
		}
		chosen[i%keys] = pod
	}
	return chosen
}

// mustDiffer asserts that every pod has keys.
func mustDiffer(t *check.T, chosen map[int]string, pods int) {
	t.Helper()
	t.Diagnose("the gateway sends requests with different keys to the same pods only",
		"look at hash_policy of this host's routes in the gateway's config dump in the evidence, and whether another DestinationRule hides this one", link)
	t.Expect(distinct(chosen)).To(gomega.Equal(pods), "pods for %d keys: %v", len(chosen), chosen)
}

func distinct(chosen map[int]string) int {
	pods := map[string]bool{}
	for _, pod := range chosen {
		pods[pod] = true
	}
	return len(pods)
}

// mustForget waits until none of the gateway's threads sends requests to others
// than these pods: they learn of a change one after the other, and a pod that is
// being deleted serves on for a while.
func mustForget(ctx context.Context, t *check.T, r kit.Route, pods []string) {
	t.Helper()
	t.Eventually(ctx, func() []string {
		var others []string
		for _, response := range r.Bulk(ctx, "/", movedKeys, func(i int) http.Header { return http.Header{"X-Key": {key(i)}} }) {
			if response.Status != http.StatusOK {
				others = append(others, response.String())
			} else if pod := kit.ParseAnswer(t, response).Pod; !slices.Contains(pods, pod) {
				others = append(others, pod)
			}
		}
		return others
	}).WithTimeout(kit.PropagationTimeout).Should(gomega.BeEmpty(), "answers of others than %v", pods)
}

const (
	// movedKeys are asked for before and after a pod goes.
	// They are enough that a balance by chance, or modulo the number of pods, is told
	// from a consistent one: it moves more than the most of that but once in 100 000 runs.
	movedKeys = 400
	// expectedMove is the share of keys that move when one of three pods goes: its
	// own third, and as the ring has 1024 places or a few more whatever the number
	// of pods, half of what the two others gain in places: (2/3)*(1/3)*(1/2) = 1/9.
	expectedMove = 1.0/3 + 1.0/9
	// A hash modulo the number of pods would move two thirds.
)

var _ = Checks.Add(hashAfterLoss)

// hashAfterLoss takes a pod away and counts the keys that have another pod then.
func hashAfterLoss(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "balance-hash-after-loss",
		Parallel: true,
		Promise:  "when one of three pods goes, its keys and few others move to other pods: fewer than by a hash modulo the number of pods",
		Run: func(ctx context.Context, t *check.T) {
			app := kit.NewApp(ctx, t, s, "hash", 3)
			r, _ := policyFor(ctx, t, s, fmt.Sprintf("{app: %s}", app.Name), app.Selector(), "{loadBalancer: {consistentHash: {httpHeaderName: x-key}}}")
			ask := func() map[int]string {
				chosen := map[int]string{}
				for i, response := range r.Bulk(ctx, "/", movedKeys, func(i int) http.Header { return http.Header{"X-Key": {key(i)}} }) {
					t.Expect(response.Status).To(gomega.Equal(http.StatusOK), "key %d: %s", i, response)
					chosen[i] = kit.ParseAnswer(t, response).Pod
				}
				return chosen
			}
			before := ask()
			mustDiffer(t, before, 3)
			app.Scale(ctx, t, 2)
			pods := app.MustHavePods(ctx, t, 2)
			t.Diagnose("the gateway does not follow the pods of a Service", "compare the EndpointSlices with the gateway's clusters in the evidence", link)
			t.Eventually(ctx, func() ([]string, error) { return kit.GatewayEndpoints(ctx, s, r.Name, 80) }).WithTimeout(kit.PropagationTimeout).
				Should(gomega.ConsistOf(kit.Addresses(pods, 8080)), "endpoints of Service %s in the gateway", r.Name)
			left := kit.PodNames(pods)
			mustForget(ctx, t, r, left)
			after := ask()
			moved, lost := 0, 0
			for i, pod := range before {
				if after[i] != pod {
					moved++
				}
				if pod != left[0] && pod != left[1] {
					lost++
				}
			}
			most := stats.AtMost(movedKeys, expectedMove, stats.Level)
			t.Observe("of %d keys %d had the pod that went, %d moved (want %d at most; modulo hashing moves about %d)", movedKeys, lost, moved, most, movedKeys*2/3)
			t.Diagnose("the loss of a pod moves more keys than a consistent hash does", "look at lb_policy of this Service's cluster in the gateway's config dump in the evidence", link)
			t.Expect(lost).To(gomega.BeNumerically(">", 0), "keys that had the pod that went")
			t.Expect(moved).To(gomega.And(gomega.BeNumerically(">=", lost), gomega.BeNumerically("<=", most)), "keys that have another pod")
		},
	}
}
