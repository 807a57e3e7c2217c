package retries

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// rounds are enough for round robin to begin at either endpoint, on each of the
// gateway's threads.
const rounds = 16

// closedPort is a port on which no pod of ours listens.
const closedPort = 9

// refused sends requests to a Service of which one endpoint refuses connections.
func refused(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "retry-connect-failure",
		Parallel: true,
		Promise:  "a refused connection is tried again at another pod, also by Istio's default policy; with no retries it is a 503 with flag UF",
		Run: func(ctx context.Context, t *check.T) {
			r, app := twoEndpoints(ctx, t, s, "refused", closedPort)
			t.Diagnose("a request whose connection is refused is not tried again at another pod",
				"look at the retry_policy of this host's routes in the gateway's config dump in the evidence", link)
			for _, target := range []string{"/connect-failure", "/default"} {
				mark, _ := kit.Mark()
				second := 0
				statuses, logged, seen := send(ctx, t, s, r, app, target, mark)
				for id, status := range statuses {
					t.Expect(status).To(gomega.Equal(http.StatusOK), "%s %s after %d attempts", target, id, logged[id])
					t.Expect(logged[id]).To(gomega.BeNumerically("<=", 2), "attempts of %s %s", target, id)
					t.Expect(seen[id]).To(gomega.HaveLen(1), "%s %s: requests that a pod saw", target, id)
					second += logged[id] - 1
				}
				t.Expect(second).To(gomega.BeNumerically(">", 0), "none of %d requests met the endpoint that refuses: the check proves nothing", rounds)
				t.Observe("%s: %d of %d requests were answered by the second pod they tried", target, second, rounds)
			}
			mark, _ := kit.Mark()
			statuses, logged, _ := send(ctx, t, s, r, app, "/once", mark)
			t.Diagnose("a route with attempts: 0 is retried all the same", "look at the retry_policy of this host's routes in the gateway's config dump in the evidence", link)
			t.Expect(statuses).To(gomega.ContainElement(http.StatusServiceUnavailable), "with attempts: 0")
			t.Expect(logged).To(gomega.HaveEach(1), "attempts with attempts: 0")
		},
	}
}

// anotherPod sends requests of which one pod fails all.
func anotherPod(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "retry-another-pod",
		Parallel: true,
		Promise:  "a request that one pod fails is tried again at another pod, not at the same one",
		Run: func(ctx context.Context, t *check.T) {
			r, app := twoEndpoints(ctx, t, s, "another-pod", 8080)
			pods := kit.PodNames(app.MustHavePods(ctx, t, 2))
			t.Diagnose("the gateway tries a failed request again at the pod that failed it",
				"look at retry_host_predicate in the retry_policy of this host's routes in the gateway's config dump in the evidence", link)
			mark, _ := kit.Mark()
			statuses, logged, seen := send(ctx, t, s, r, app, "/503?status=503&pod="+pods[0], mark)
			failed := 0
			for id, status := range statuses {
				t.Expect(status).To(gomega.Equal(http.StatusOK), "request %s after %d attempts, seen by %v", id, logged[id], seen[id])
				t.Expect(seen[id]).To(gomega.HaveLen(logged[id]), "pods that saw request %s, and attempts in the gateway's access log", id)
				if logged[id] > 1 {
					failed++
					t.Expect(seen[id]).To(gomega.ConsistOf(pods[0], pods[1]), "pods that saw request %s", id)
				}
			}
			t.Expect(failed).To(gomega.BeNumerically(">", 0), "none of %d requests met the failing pod: the check proves nothing", rounds)
			t.Observe("%d of %d requests failed at %s and were answered by %s", failed, rounds, pods[0], pods[1])
		},
	}
}

// twoEndpoints returns a route to a Service of two pods, the second of which is
// addressed at the port badPort.
func twoEndpoints(ctx context.Context, t *check.T, s *stack.Stack, name string, badPort int) (kit.Route, kit.App) {
	app := kit.NewApp(ctx, t, s, name, 2)
	pods := app.MustHavePods(ctx, t, 2)
	r := kit.UnservedRoute(ctx, t, s, "retry-other-pod", map[string]string{
		"Good": pods[1].Status.PodIP, "Bad": pods[0].Status.PodIP, "BadPort": strconv.Itoa(badPort),
	})
	t.Diagnose("the gateway does not learn of a Service whose EndpointSlices were written by hand",
		"compare the EndpointSlices with the gateway's clusters in the evidence", "https://kubernetes.io/docs/concepts/services-networking/service/#services-without-selectors")
	t.Eventually(ctx, func() ([]string, error) { return kit.GatewayEndpoints(ctx, s, r.Name, 80) }).WithTimeout(kit.PropagationTimeout).
		Should(gomega.ConsistOf(pods[1].Status.PodIP+":8080", fmt.Sprintf("%s:%d", pods[0].Status.PodIP, badPort)), "endpoints of Service %s in the gateway", r.Name)
	r.MustBeServed(ctx, t)
	return r, app
}

// send sends requests one after the other and returns, by their ids, the
// statuses, the attempts in the access log and the pods that saw them.
func send(ctx context.Context, t *check.T, s *stack.Stack, r kit.Route, app kit.App, target, mark string) (statuses, logged map[string]int, seen map[string][]string) {
	statuses, logged, seen = map[string]int{}, map[string]int{}, map[string][]string{}
	for i := range rounds {
		id := fmt.Sprintf("%s-%d", mark, i)
		statuses[id] = r.Get(ctx, kit.WithID(target, id), http.Header{kit.IDHeader: {id}}).Status
	}
	t.Eventually(ctx, func() (int, error) {
		entries, err := kit.AccessLog(ctx, s, mark)
		for _, entry := range entries {
			logged[kit.IDOf(entry.Path)] = entry.Attempts
		}
		return len(logged), err
	}).Should(gomega.Equal(rounds), "entries of the requests in the gateway's access log")
	answers, err := kit.PodLog(ctx, s, app.Selector(), mark)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	for _, a := range answers {
		seen[a.ID] = append(seen[a.ID], a.Pod)
	}
	return statuses, logged, seen
}
