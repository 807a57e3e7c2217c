package retries

import (
	"context"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(retries)

// retries sends requests that fail a known number of times and counts, at the
// backend and in the gateway's log, how often each was tried.
func retries(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "retries",
		Parallel: true,
		Promise:  "a retried 503 ends as 200 after exactly the attempts that were needed, and never more than the policy's",
		Run: func(ctx context.Context, t *check.T) {
			retrying, plain := kit.NewRoute(ctx, t, s, "retry", nil), kit.NewRoute(ctx, t, s, "plain", nil)
			cases := []struct {
				name     string
				route    kit.Route
				target   string
				status   int
				attempts int
			}{
				{"two failures, three retries allowed", retrying, "/?status=503&attempts=2", 200, 3},
				{"failing for ever, three retries allowed", retrying, "/?status=503", 503, 4},
				{"a status that is not retried", retrying, "/?status=500", 500, 1},
				{"two failures, no retries allowed", plain, "/?status=503&attempts=2", 503, 1},
			}
			t.Diagnose("the gateway does not retry as the VirtualService's retries say",
				"look at the route's retry_policy in the gateway's config dump in the evidence",
				"https://istio.io/latest/docs/concepts/traffic-management/#retries")
			for _, c := range cases {
				id, header := kit.Mark()
				response := c.route.Get(ctx, c.target+"&id="+id, header)
				t.Expect(response.Status).To(gomega.Equal(c.status), "%s: %s", c.name, response)
				t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).
					Should(gomega.HaveLen(c.attempts), "%s: attempts that the backend logged", c.name)
				mustCount(ctx, t, s, id, c.attempts, c.name)
				t.Observe("%s: %d after %d attempts", c.name, response.Status, c.attempts)
			}
		},
	}
}

// mustCount waits until the gateway's access log has so many attempts of a request, where
// it counts them.
func mustCount(ctx context.Context, t *check.T, s *stack.Stack, id string, attempts int, name string) {
	t.Helper()
	if s.WhyNoAttempts() != "" {
		t.Observe("one witness less: %s", s.WhyNoAttempts())
		return
	}
	kit.MustLog(ctx, t, s, id, gomega.ConsistOf(gomega.HaveField("Attempts", attempts)), "%s: attempts in the gateway's access log", name)
}
