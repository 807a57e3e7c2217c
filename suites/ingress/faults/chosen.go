package faults

import (
	"context"
	"net/http"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(byHeader)

// byHeader sends requests that ask for a fault, and one that does not.
func byHeader(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "fault-by-header",
		Parallel: true,
		Promise:  "a fault for requests with a header is injected into each of them, and into no other",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "faults", nil)
			t.Diagnose(cause, fix, link)
			for _, c := range []struct {
				fault, flag  string
				status, seen int
				delayed      time.Duration
			}{
				{fault: "abort", flag: "FI", status: http.StatusUnavailableForLegalReasons},
				{fault: "delay", flag: "DI", status: http.StatusOK, seen: 1, delayed: delay},
				{fault: "none", flag: "", status: http.StatusOK, seen: 1},
			} {
				id, header := kit.Mark()
				header.Set("X-Fault", c.fault)
				response := r.Get(ctx, kit.WithID("/", id), header)
				t.Expect(response.Status).To(gomega.Equal(c.status), "fault %s: %s", c.fault, response)
				t.Expect(response.Duration).To(gomega.BeNumerically(">=", c.delayed-kit.TimerSlack), "fault %s", c.fault)
				mustBeFlagged(ctx, t, s, id, c.flag)
				t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).Should(gomega.HaveLen(c.seen), "fault %s: requests that the backend saw", c.fault)
				t.Observe("fault %s: %s", c.fault, response)
			}
		},
	}
}

var _ = Checks.Add(beyondTimeout)

// beyondTimeout delays a request for longer than its route's timeout.
func beyondTimeout(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "fault-delay-and-timeout",
		Parallel: true,
		Promise:  "a delay that the gateway injects does not count against the same route's timeout: the request is answered 200 after it",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "faults", nil)
			t.Diagnose("an injected delay trips the timeout of the route that injects it", "look at the order of the filters in the gateway's listener and at this route's timeout in the gateway's config dump in the evidence", link)
			id, header := kit.Mark()
			response := r.Send(ctx, kit.WithID("/beyond", id), probe.Request{Headers: header})
			t.Expect(response.Status).To(gomega.Equal(http.StatusOK), "%s", response)
			t.Diagnose(cause, fix, link)
			t.Expect(response.Duration).To(gomega.BeNumerically(">=", 2*time.Second-kit.TimerSlack), "%s, which must be delayed", response)
			mustBeFlagged(ctx, t, s, id, "DI")
			t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).Should(gomega.HaveLen(1), "requests that the backend saw")
			t.Diagnose("the timeout of a route that injects a delay does not end a slow answer", "look at this route's timeout in the gateway's config dump in the evidence", link)
			// The control: the same route's timeout does end a slow answer.
			slow := r.Get(ctx, "/beyond?delay=5s", nil)
			t.Expect(slow.Status).To(gomega.Equal(http.StatusGatewayTimeout), "a slow backend on the same route: %s", slow)
			t.Observe("delayed by 2 s on a route with a timeout of 700 ms: %s; a slow backend there: %s", response, slow)
		},
	}
}

// mustBeFlagged asserts the flags of a request in the gateway's access log.
func mustBeFlagged(ctx context.Context, t *check.T, s *stack.Stack, id, flag string) {
	kit.MustLog(ctx, t, s, id, gomega.ConsistOf(gomega.HaveField("ResponseFlags", flag)), "flags of the request in the gateway's access log")
}
