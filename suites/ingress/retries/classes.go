package retries

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// attempt is a request to a route of fixtures/routes/retry-classes.yaml and what
// must become of it.
type attempt struct {
	target string
	status int
	// tries is how often the backend must see it.
	tries int
}

// attempts: a route retries its own class, and nothing else.
var attempts = []attempt{
	{"/5xx?status=500", 500, 4},
	{"/5xx?status=500&attempts=2", 200, 3},
	{"/5xx?status=404", 404, 1},
	// No answer at all counts as a 5xx.
	{"/5xx?abort=true&attempts=1", 200, 2},
	{"/gateway-error?status=502", 502, 4},
	{"/gateway-error?status=504&attempts=1", 200, 2},
	{"/gateway-error?status=500", 500, 1},
	{"/retriable-4xx?status=409&attempts=1", 200, 2},
	{"/retriable-4xx?status=400", 400, 1},
	{"/codes?status=418", 418, 4},
	{"/codes?status=429&attempts=1", 200, 2},
	{"/codes?status=503", 503, 1},
	{"/reset?abort=true", 503, 4},
	{"/reset?abort=true&attempts=1", 200, 2},
	{"/reset?status=503", 503, 1},
	{"/connect-failure?abort=true", 503, 1},
	// Istio's default policy leaves an answer alone, whatever its status:
	// https://istio.io/latest/news/releases/1.24.x/announcing-1.24/change-notes/
	{"/default?status=503", 503, 1},
	{"/default?status=500", 500, 1},
}

var _ = Checks.Add(classes)

// classes fails requests in every way and counts at the backend how often each
// was tried.
func classes(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "retry-on",
		Parallel: true,
		Promise:  "each class of retryOn retries its own failures and no other, and the backend can count the attempts in x-envoy-attempt-count",
		Run: func(ctx context.Context, t *check.T) {
			app := kit.NewApp(ctx, t, s, "retry-on", 1)
			r := kit.NewRoute(ctx, t, s, "retry-classes", map[string]string{"Service": app.Name})
			t.Diagnose("the gateway does not retry as the VirtualService's retryOn says",
				"look at the retry_policy of this host's routes in the gateway's config dump in the evidence", link)
			mark, _ := kit.Mark()
			total := 0
			for i, a := range attempts {
				id := fmt.Sprintf("%s-%d", mark, i)
				response := r.Get(ctx, kit.WithID(a.target, id), http.Header{kit.IDHeader: {id}})
				t.Expect(response.Status).To(gomega.Equal(a.status), "%s: %s", a.target, response)
				total += a.tries
			}
			tries, logged := map[string][]int{}, map[string]int{}
			t.Eventually(ctx, func() (map[string]int, error) {
				var err error
				tries, logged, err = count(ctx, s, app.Selector(), mark)
				return logged, err
			}).Should(gomega.HaveLen(len(attempts)), "entries in the gateway's access log")
			for i, a := range attempts {
				id := fmt.Sprintf("%s-%d", mark, i)
				var want []int
				for n := range a.tries {
					want = append(want, n+1)
				}
				t.Expect(tries[id]).To(gomega.Equal(want), "%s: x-envoy-attempt-count of each request that the backend saw", a.target)
				t.Expect(logged[id]).To(gomega.Equal(a.tries), "%s: attempts in the gateway's access log", a.target)
			}
			t.Observe("%d requests were tried %d times, as the routes say", len(attempts), total)
		},
	}
}

// count returns, for each request whose id begins with the mark, the attempts as
// the backend saw them in order, and their number by the gateway's access log: by the
// backend where the gateway does not count them.
func count(ctx context.Context, s *stack.Stack, selector, mark string) (tries map[string][]int, logged map[string]int, err error) {
	tries, logged = map[string][]int{}, map[string]int{}
	counted := s.WhyNoAttempts() == ""
	if counted {
		entries, err := kit.AccessLog(ctx, s, mark)
		if err != nil {
			return nil, nil, err
		}
		for _, entry := range entries {
			logged[kit.IDOf(entry.Path)] = entry.Attempts
		}
	}
	// Read later, so that it has all attempts of the requests above.
	answers, err := kit.PodLog(ctx, s, selector, mark)
	if err != nil {
		return nil, nil, err
	}
	for _, a := range answers {
		tries[a.ID] = append(tries[a.ID], a.Attempt)
	}
	for id := range tries {
		slices.Sort(tries[id])
		if !counted {
			logged[id] = len(tries[id])
		}
	}
	return tries, logged, nil
}
