package timeouts

import (
	"context"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

const (
	// routeTimeout is the time-out in fixtures/routes/timeout.yaml.
	routeTimeout = time.Second
	// backendDelay is how slow the backend is.
	backendDelay = 5 * time.Second
)

var _ = Checks.Add(timeout)

// timeout asks a slow backend through a route with a time-out and one without.
func timeout(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "timeout",
		Parallel: true,
		Promise:  "a slow backend ends as 504 at the route's time-out (1 s, at most 1.5 s late), and is waited for where there is none",
		Run: func(ctx context.Context, t *check.T) {
			limited, plain := kit.NewRoute(ctx, t, s, "timeout", nil), kit.NewRoute(ctx, t, s, "plain", nil)
			t.Diagnose("the gateway does not end a request at the VirtualService's timeout",
				"look at the route's timeout in the gateway's config dump in the evidence",
				"https://istio.io/latest/docs/concepts/traffic-management/#timeouts")
			id, header := kit.Mark()
			response := limited.Get(ctx, "/?delay="+backendDelay.String()+"&id="+id, header)
			t.Expect(response.Status).To(gomega.Equal(504), "%s", response)
			t.Expect(response.Duration).To(gomega.And(
				gomega.BeNumerically(">=", routeTimeout-kit.TimerSlack), gomega.BeNumerically("<=", routeTimeout+kit.TimeoutTolerance)),
				"want the answer %s to %s after the request", routeTimeout-kit.TimerSlack, routeTimeout+kit.TimeoutTolerance)
			t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).
				Should(gomega.HaveLen(1), "the request must have reached the backend once")
			kit.MustLog(ctx, t, s, id, gomega.ConsistOf(gomega.HaveField("ResponseFlags", "UT")), "flag of an upstream time-out in the gateway's access log")

			waited := plain.Get(ctx, "/?delay=2s", nil)
			t.Expect(waited.Status).To(gomega.Equal(200), "a route without a time-out must wait: %s", waited)
			t.Expect(waited.Duration).To(gomega.BeNumerically(">=", 2*time.Second))
			t.Observe("504 after %s with a time-out of %s; 200 after %s without", response.Duration.Round(time.Millisecond), routeTimeout, waited.Duration.Round(time.Millisecond))
		},
	}
}
