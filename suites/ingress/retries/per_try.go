package retries

import (
	"context"
	"net/http"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// perTryTimeout is the time-out of one try in fixtures/routes/retry-classes.yaml;
// tries is how many there may be.
const (
	perTryTimeout = 500 * time.Millisecond
	tries         = 3
	// slowness is how long the backend waits with an answer, far beyond all tries.
	slowness = 8 * time.Second
	// timerSlack is how early each of Envoy's timers may fire.
	timerSlack = 20 * time.Millisecond
)

func diagnosePerTry(t *check.T) {
	t.Diagnose("the gateway does not end a try at the VirtualService's perTryTimeout",
		"look at per_try_timeout in the retry_policy of this host's routes in the gateway's config dump in the evidence", link)
}

var _ = Checks.Add(perTry)

// perTry asks a backend that is slow at the first try, and one that is slow at all.
func perTry(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "retry-per-try-timeout",
		Parallel: true,
		Promise:  "a try that takes longer than perTryTimeout is given up and made again, and the request fails with 504 when all tries did",
		Run: func(ctx context.Context, t *check.T) {
			app := kit.NewApp(ctx, t, s, "per-try", 1)
			r := kit.NewRoute(ctx, t, s, "retry-classes", map[string]string{"Service": app.Name})
			for _, c := range []struct {
				target string
				status int
				tries  int
				least  time.Duration
			}{
				{"/per-try?attempts=1&delay=" + slowness.String(), http.StatusOK, 2, perTryTimeout},
				{"/per-try?delay=" + slowness.String(), http.StatusGatewayTimeout, tries, tries * perTryTimeout},
			} {
				diagnosePerTry(t)
				id, header := kit.Mark()
				response := r.Get(ctx, kit.WithID(c.target, id), header)
				t.Expect(response.Duration).To(gomega.BeNumerically("<", slowness), "%s was answered when the backend had: %s", c.target, response)
				t.Diagnose("the gateway makes fewer or more tries than the VirtualService's attempts say when they are too slow",
					"look at num_retries and retry_on in the retry_policy of this host's routes in the gateway's config dump in the evidence", link)
				var seen map[string][]int
				t.Eventually(ctx, func() (map[string]int, error) {
					var err error
					var logged map[string]int
					seen, logged, err = count(ctx, s, app.Selector(), id)
					return logged, err
				}).Should(gomega.Equal(map[string]int{id: c.tries}), "%s: attempts in the gateway's access log", c.target)
				t.Expect(seen[id]).To(gomega.HaveLen(c.tries), "%s: requests that the backend saw", c.target)
				diagnosePerTry(t)
				t.Expect(response.Status).To(gomega.Equal(c.status), "%s: %s", c.target, response)
				t.Expect(response.Duration).To(gomega.BeNumerically(">=", c.least-time.Duration(c.tries)*timerSlack), "%s was answered too early", c.target)
				t.Observe("%s: %d after %s and %d tries", c.target, response.Status, response.Duration.Round(time.Millisecond), c.tries)
			}
		},
	}
}
