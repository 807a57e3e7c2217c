package retries

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// rounds are enough that many requests meet the endpoint that fails.
const rounds = 16

// closedPort is a port on which no pod of ours listens.
const closedPort = 9

var _ = Checks.Add(refused)

// refused sends requests to a Service of which one endpoint refuses connections.
func refused(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "retry-connect-failure",
		Parallel: true,
		// Who is refused is seen by no pod: only the gateway knows.
		SkipIf:  s.WhyNoAttempts,
		Promise: "a refused connection is tried again at another pod, also by Istio's default policy; with no retries it is a 503 with flag UF",
		Run: func(ctx context.Context, t *check.T) {
			r, app := twoEndpoints(ctx, t, s, "refused", closedPort)
			for _, target := range []string{"/connect-failure", "/default"} {
				diagnoseRefused(t)
				mark, _ := kit.Mark()
				second := 0
				statuses, logged, seen := send(ctx, t, s, r, app, target, mark)
				for id, status := range statuses {
					t.Expect(status).To(gomega.Equal(http.StatusOK), "%s %s after %d attempts", target, id, logged[id])
					t.Expect(logged[id]).To(gomega.BeNumerically("<=", 2), "attempts of %s %s", target, id)
					t.Expect(seen[id]).To(gomega.HaveLen(1), "%s %s: requests that a pod saw", target, id)
					second += logged[id] - 1
				}
				diagnoseUnmet(t)
				t.Expect(second).To(gomega.BeNumerically(">", 0), "requests of %d that met the endpoint that refuses", rounds)
				t.Observe("%s: %d of %d requests were answered by the second pod they tried", target, second, rounds)
			}
			diagnoseRefused(t)
			mark, _ := kit.Mark()
			_, logged, _ := send(ctx, t, s, r, app, "/once", mark)
			diagnoseRetry(t, "a route with attempts: 0 is retried all the same")
			t.Expect(logged).To(gomega.HaveEach(1), "attempts with attempts: 0")
			entries, err := kit.AccessLog(ctx, s, mark)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			diagnoseUnmet(t)
			t.Expect(entries).To(gomega.ContainElement(gomega.HaveField("Status", http.StatusServiceUnavailable)), "with attempts: 0")
			diagnoseRetry(t, "a refused connection is not logged with flag UF")
			for _, entry := range entries {
				if entry.Status != http.StatusOK {
					t.Expect(entry.ResponseFlags).To(gomega.ContainSubstring("UF"), "%s: %d", entry.Path, entry.Status)
				}
			}
		},
	}
}

var _ = Checks.Add(anotherPod)

// anotherPod sends requests of which one pod fails all.
func anotherPod(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "retry-another-pod",
		Parallel: true,
		Promise:  "a request that one pod fails is tried again at another pod, not at the same one",
		Run: func(ctx context.Context, t *check.T) {
			r, app := twoEndpoints(ctx, t, s, "another-pod", 8080)
			pods := kit.PodNames(app.MustHavePods(ctx, t, 2))
			mark, _ := kit.Mark()
			statuses, logged, seen := send(ctx, t, s, r, app, "/503?status=503&pod="+pods[0], mark)
			failed := 0
			for id, status := range statuses {
				if len(seen[id]) > 0 && seen[id][0] == pods[0] {
					failed++
					diagnoseRetry(t, "the gateway does not try a request again that a pod failed, though the route says so")
					t.Expect(logged[id]).To(gomega.Equal(2), "attempts of request %s, of which pod %s failed the first", id, pods[0])
					diagnoseRetry(t, "the gateway tries a failed request again at the pod that failed it")
					t.Expect(seen[id]).To(gomega.Equal(pods), "pods that saw request %s", id)
				}
				diagnoseRetry(t, "a request of which one pod fails every try does not end with the answer of the other pod")
				t.Expect(status).To(gomega.Equal(http.StatusOK), "request %s after %d attempts, seen by %v", id, logged[id], seen[id])
				t.Expect(seen[id]).To(gomega.HaveLen(logged[id]), "pods that saw request %s, and attempts in the gateway's access log", id)
			}
			diagnoseUnmet(t)
			t.Expect(failed).To(gomega.BeNumerically(">", 0), "requests of %d that met the failing pod", rounds)
			t.Observe("%d of %d requests failed at %s and were answered by %s", failed, rounds, pods[0], pods[1])
		},
	}
}

func diagnoseRefused(t *check.T) {
	diagnoseRetry(t, "a request whose connection is refused is not tried again at another pod")
}

func diagnoseRetry(t *check.T, cause string) {
	t.Diagnose(cause, "look at retry_on and retry_host_predicate in the retry_policy of this host's routes in the gateway's config dump in the evidence", link)
}

// diagnoseUnmet is for requests that did not meet what a check is about.
func diagnoseUnmet(t *check.T) {
	t.Diagnose("no request met the endpoint that fails, so that nothing is known about retries",
		"look at lb_policy of this Service's cluster in the gateway's config dump in the evidence: it takes its endpoints in turn, unless another DestinationRule hides its own", link)
}

// twoEndpoints returns a route to a Service of two pods, the second of which is
// addressed at the port badPort.
func twoEndpoints(ctx context.Context, t *check.T, s *stack.Stack, name string, badPort int) (kit.Route, kit.App) {
	app := kit.NewApp(ctx, t, s, name, 2)
	pods := app.MustHavePods(ctx, t, 2)
	r := kit.UnservedRoute(ctx, t, s, "retry-other-pod", map[string]string{
		"AddressType": kit.AddressType(pods[0].Status.PodIP), "Good": pods[1].Status.PodIP, "Bad": pods[0].Status.PodIP, "BadPort": strconv.Itoa(badPort),
	})
	t.Diagnose("the gateway does not learn of a Service whose EndpointSlices were written by hand",
		"compare the EndpointSlices with the gateway's clusters in the evidence", "https://kubernetes.io/docs/concepts/services-networking/service/#services-without-selectors")
	t.Eventually(ctx, func() ([]string, error) { return kit.GatewayEndpoints(ctx, s, r.Name, 80) }).WithTimeout(kit.PropagationTimeout).
		Should(gomega.ConsistOf(net.JoinHostPort(pods[1].Status.PodIP, "8080"), net.JoinHostPort(pods[0].Status.PodIP, strconv.Itoa(badPort))), "endpoints of Service %s in the gateway", r.Name)
	r.MustBeServed(ctx, t)
	return r, app
}

// send sends requests at once over one connection, and so through one thread of the
// gateway: when a retry comes round robin has gone on, and the next endpoint may be the
// one that failed. It returns, by the requests' ids, the statuses, the attempts in the
// access log and the pods that saw them, in the order of the attempts.
func send(ctx context.Context, t *check.T, s *stack.Stack, r kit.Route, app kit.App, target, mark string) (statuses, logged map[string]int, seen map[string][]string) {
	statuses, logged, seen = map[string]int{}, map[string]int{}, map[string][]string{}
	session := r.OneConnection(ctx, t)
	held := map[string]kit.Held{}
	for i := range rounds {
		id := fmt.Sprintf("%s-%d", mark, i)
		held[id] = session.Hold(ctx, kit.WithID(target, id), http.Header{kit.IDHeader: {id}})
	}
	for id, request := range held {
		statuses[id] = request.Response().Status
	}
	if s.WhyNoAttempts() == "" {
		t.Eventually(ctx, func() (int, error) {
			entries, err := kit.AccessLog(ctx, s, mark)
			for _, entry := range entries {
				logged[kit.IDOf(entry.Path)] = entry.Attempts
			}
			return len(logged), err
		}).Should(gomega.Equal(rounds), "entries of the requests in the gateway's access log")
	}
	answers, err := kit.PodLog(ctx, s, app.Selector(), mark)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	slices.SortStableFunc(answers, func(a, b kit.Answer) int { return a.Attempt - b.Attempt })
	for _, a := range answers {
		seen[a.ID] = append(seen[a.ID], a.Pod)
		if s.WhyNoAttempts() != "" {
			logged[a.ID]++
		}
	}
	return statuses, logged, seen
}
