package ingress

import (
	"context"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// retries sends requests that fail a known number of times and counts, at the
// backend and in the gateway's log, how often each was tried.
func retries(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "retries",
		Promise: "a retried 503 ends as 200 after exactly the attempts that were needed, and never more than the policy's",
		Run: func(ctx context.Context, t *check.T) {
			retrying, plain := newRoute(ctx, t, s, "retry"), newRoute(ctx, t, s, "plain")
			cases := []struct {
				name     string
				route    route
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
				id, header := mark()
				response := c.route.get(ctx, c.target+"&id="+id, header)
				t.Expect(response.Status).To(gomega.Equal(c.status), "%s: %s", c.name, response)
				t.Eventually(ctx, func() ([]answer, error) { return backendLog(ctx, s, id) }).
					Should(gomega.HaveLen(c.attempts), "%s: attempts that the backend logged", c.name)
				t.Eventually(ctx, func() (int, error) { return loggedAttempts(ctx, s, id) }).
					Should(gomega.Equal(c.attempts), "%s: attempts in the gateway's access log", c.name)
				t.Observe("%s: %d after %d attempts", c.name, response.Status, c.attempts)
			}
		},
	}
}

// loggedAttempts returns the attempts in the gateway's access log entry of a
// request; 0 while there is none.
func loggedAttempts(ctx context.Context, s *stack.Stack, id string) (int, error) {
	entries, err := accessLog(ctx, s, id)
	if err != nil || len(entries) == 0 {
		return 0, err
	}
	return entries[0].Attempts, nil
}
