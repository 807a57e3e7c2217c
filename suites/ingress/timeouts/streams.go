package timeouts

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

// A stream of so many pieces, one every pause, lasts twice as long as the route's
// timeout, and is silent for longer than the idle time-out between two pieces.
const (
	pieces = 2
	pause  = 1200 * time.Millisecond
)

// stream is the order for it.
var stream = fmt.Sprintf("chunks=%d&every=%s", pieces, pause)

var _ = Checks.Add(streams)

// streams asks for responses whose head comes at once and whose body does not.
func streams(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "timeout-of-streams",
		Parallel: true,
		Promise:  "a response that streams for longer than the route's timeout is cut off at it, and is not where there is no timeout",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "timeout-kinds", map[string]string{"IdleTimeout": neverIdle})
			t.Diagnose("the gateway cuts a streaming response off although its route has no timeout",
				"look at timeout of this host's routes, and at stream_idle_timeout and max_stream_duration of the listener, in the gateway's config dump in the evidence", link)
			whole := r.Get(ctx, "/?"+stream, nil)
			t.Expect(whole.Err).NotTo(gomega.HaveOccurred(), "%s", whole)
			t.Expect(whole.Status).To(gomega.Equal(http.StatusOK), "%s", whole)
			t.Expect(whole.Duration).To(gomega.BeNumerically(">=", pieces*pause))
			t.Observe("no timeout: whole after %s", whole.Duration.Round(time.Millisecond))
			t.Diagnose("the gateway does not cut a streaming response off at the VirtualService's timeout",
				"look at timeout of this host's routes in the gateway's config dump in the evidence", link)
			id, header := kit.Mark()
			cut := r.Get(ctx, kit.WithID("/limited?"+stream, id), header)
			t.Expect(cut.Status).To(gomega.Equal(http.StatusOK), "the head of the response: %s", cut)
			t.Expect(cut.Class).To(gomega.Equal(probe.Closed), "the end of the response: %s", cut)
			t.Expect(cut.Duration).To(gomega.And(
				gomega.BeNumerically(">=", routeTimeout-kit.TimerSlack), gomega.BeNumerically("<", pieces*pause)), "want the end at the timeout of %s", routeTimeout)
			kit.MustLog(ctx, t, s, id, gomega.ConsistOf(gomega.HaveField("ResponseFlags", gomega.ContainSubstring("UT"))), "flag of an upstream time-out in the gateway's access log")
			t.Observe("timeout %s: cut off after %s", routeTimeout, cut.Duration.Round(time.Millisecond))
		},
	}
}
