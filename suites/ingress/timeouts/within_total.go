package timeouts

import (
	"context"
	"net/http"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/envoy"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// neverIdle keeps idle connections for the whole check.
const neverIdle = "1h"

var _ = Checks.Add(withinTotal)

// withinTotal asks a slow backend through routes that also bound each try.
func withinTotal(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "timeout-of-all-tries",
		Parallel: true,
		Promise:  "the route's timeout (1 s) bounds all tries together, those that are shorter and those that would be longer",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "timeout-kinds", map[string]string{"IdleTimeout": neverIdle})
			t.Diagnose("the gateway does not end all tries of a request at the VirtualService's timeout",
				"look at timeout and retry_policy of this host's routes in the gateway's config dump in the evidence", link)
			for _, c := range []struct {
				target      string
				least, most int // tries that the backend sees
			}{
				// At 0 s, 0.2 s, 0.4 s and so on; nine would take 1.8 s. A busy machine
				// starts the later ones late or not at all.
				{"/tries?delay=5s", 2, 5},
				{"/long-try?delay=5s", 1, 1},
			} {
				id, header := kit.Mark()
				response := r.Get(ctx, kit.WithID(c.target, id), header)
				t.Expect(response.Status).To(gomega.Equal(http.StatusGatewayTimeout), "%s: %s", c.target, response)
				t.Expect(response.Duration).To(gomega.And(
					gomega.BeNumerically(">=", routeTimeout-kit.TimerSlack), gomega.BeNumerically("<=", routeTimeout+kit.TimeoutTolerance)),
					"%s: want the answer %s to %s after the request", c.target, routeTimeout-kit.TimerSlack, routeTimeout+kit.TimeoutTolerance)
				if s.WhyNoAttempts() != "" {
					mustTry(ctx, t, s, id, c.target, c.least, c.most)
					continue
				}
				var entries []envoy.AccessLog
				t.Eventually(ctx, func() ([]envoy.AccessLog, error) {
					var err error
					entries, err = kit.AccessLog(ctx, s, id)
					return entries, err
				}).Should(gomega.ConsistOf(gomega.HaveField("ResponseFlags", gomega.ContainSubstring("UT"))), "%s: flag of an upstream time-out in the gateway's access log", c.target)
				// The last try may be cut off before it reaches the backend.
				t.Eventually(ctx, func() (int, error) {
					seen, err := kit.BackendLog(ctx, s, id)
					return len(seen), err
				}).Should(gomega.And(gomega.BeNumerically(">=", max(1, entries[0].Attempts-1)), gomega.BeNumerically("<=", entries[0].Attempts)),
					"%s: tries that the backend logged, of %d", c.target, entries[0].Attempts)
				t.Expect(entries[0].Attempts).To(gomega.And(gomega.BeNumerically(">=", c.least), gomega.BeNumerically("<=", c.most)), "%s: tries", c.target)
				t.Observe("%s: 504 after %s and %d tries", c.target, response.Duration.Round(time.Millisecond), entries[0].Attempts)
			}
		},
	}
}

// mustTry asserts the tries of a request by the backend's log alone, which lacks one that
// was cut off on its way.
func mustTry(ctx context.Context, t *check.T, s *stack.Stack, id, target string, least, most int) {
	t.Eventually(ctx, func() (int, error) {
		seen, err := kit.BackendLog(ctx, s, id)
		return len(seen), err
	}).Should(gomega.And(gomega.BeNumerically(">=", max(1, least-1)), gomega.BeNumerically("<=", most)), "%s: tries that the backend logged", target)
	t.Observe("%s: one witness less: %s", target, s.WhyNoAttempts())
}
