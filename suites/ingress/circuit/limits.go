package circuit

import (
	"context"
	"fmt"
	"net/http"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// The limits of the checks' Services.
const (
	maxConnections = 3
	maxPending     = 2
	maxRequests    = 4
)

// hold is the order of a request that fills a place; it ends when the check lets
// it go, long before the backend would answer.
const hold = "/?delay=60s"

var _ = Checks.Add(connections)

// connections fills connections and queue one by one and asks for one more.
func connections(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "circuit-connections",
		Parallel: true,
		Promise:  "with maxConnections 3 and http1MaxPendingRequests 2, three requests are sent and two wait; the sixth, and no earlier one, is answered 503 with flag UO",
		Run: func(ctx context.Context, t *check.T) {
			c := newCircuit(ctx, t, s.AtStatistics(), fmt.Sprintf("{connectionPool: {tcp: {maxConnections: %d}, http: {http1MaxPendingRequests: %d, idleTimeout: 1s}}}", maxConnections, maxPending))
			for n := range maxConnections + maxPending {
				c.hold()
				c.mustHold(ctx, t, min(n+1, maxConnections), max(0, n+1-maxConnections))
			}
			c.mustOverflow(ctx, t)
			t.Observe("%d connections and %d waiting requests held; the next request: 503 UO", maxConnections, maxPending)
			c.mustRecover(ctx, t)
		},
	}
}

var _ = Checks.Add(activeRequests)

// activeRequests fills the requests in flight one by one and asks for one more.
func activeRequests(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "circuit-requests",
		Parallel: true,
		Promise:  "with http2MaxRequests 4, four requests are in flight; the fifth, and no earlier one, is answered 503 with flag UO",
		Run: func(ctx context.Context, t *check.T) {
			c := newCircuit(ctx, t, s.AtStatistics(), fmt.Sprintf("{connectionPool: {http: {http2MaxRequests: %d, idleTimeout: 1s}}}", maxRequests))
			for n := range maxRequests {
				c.hold()
				c.mustHold(ctx, t, n+1, 0)
			}
			c.mustOverflow(ctx, t)
			t.Observe("%d requests held; the next request: 503 UO", maxRequests)
			c.mustRecover(ctx, t)
		},
	}
}

// circuit is a Service with limits and a client that fills them. All requests go
// over one connection: each thread of the gateway may have one connection to a
// Service beyond the limit, so that only one thread's can be counted exactly.
type circuit struct {
	s       *stack.Stack
	r       kit.Route
	session kit.Session
	cluster string
	release context.CancelFunc
	holding context.Context
}

func newCircuit(ctx context.Context, t *check.T, s *stack.Stack, policy string) *circuit {
	// One pod: to each of several Envoy opens a first connection, beyond the limit too.
	// https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/circuit_breaking
	r := kit.NewRoute(ctx, t, s, "circuit", map[string]string{"Policy": policy, "Selector": "{app: backend, version: v2}"})
	c := &circuit{s: s, r: r, session: r.OneConnection(ctx, t), cluster: kit.Cluster(s, r.Name, "", 80)}
	c.holding, c.release = context.WithCancel(ctx)
	t.Cleanup(c.release)
	// Connections that other threads have left from the wait for the route count
	// against the limit: they are closed as idle.
	t.Diagnose("idle connections to a Service are not closed, which would fill its limit", hidden, linkLimits)
	t.Eventually(ctx, func() (uint64, error) {
		stats, err := kit.GatewayStats(ctx, s, c.cluster)
		return stats["upstream_cx_active"], err
	}).WithTimeout(kit.PropagationTimeout).Should(gomega.BeZero(), "connections to Service %s before the check", r.Name)
	return c
}

// hold sends a request that stays until the circuit is released.
func (c *circuit) hold() { c.session.Hold(c.holding, hold, nil) }

// beyondLimit is the cause of a request that should have waited or been refused.
const beyondLimit = "the gateway lets a request pass beyond the limits of a Service"

// mustHold waits until so many requests are at the backend and so many wait.
func (c *circuit) mustHold(ctx context.Context, t *check.T, active, pending int) {
	t.Helper()
	t.Diagnose("the gateway does not hold as many requests for a Service as its limits allow", hidden, linkLimits)
	var stats map[string]uint64
	t.Eventually(ctx, func() (map[string]uint64, error) {
		var err error
		stats, err = kit.GatewayStats(ctx, c.s, c.cluster)
		return pick(stats, "upstream_rq_active", "upstream_rq_pending_active", pendingOverflow, activeOverflow), err
	}).Should(gomega.Equal(map[string]uint64{
		"upstream_rq_active": uint64(active), "upstream_rq_pending_active": uint64(pending), pendingOverflow: 0, activeOverflow: 0,
	}), func() string {
		if stats["upstream_rq_active"] > uint64(active) {
			t.Diagnose(beyondLimit, hidden, linkLimits)
		}
		return fmt.Sprintf("Envoy's statistics of Service %s while %d requests are held", c.r.Name, active+pending)
	})
}

// Envoy's counters of requests beyond a limit. Since 1.40 those beyond the limit of
// active requests have one of their own; before they were counted as pending too.
const (
	pendingOverflow = "upstream_rq_pending_overflow"
	activeOverflow  = "upstream_rq_active_overflow"
)

// mustOverflow asserts that one more request is refused, by the answer, by the
// access log, by Envoy's counter and by the backend, which never sees it.
func (c *circuit) mustOverflow(ctx context.Context, t *check.T) {
	t.Helper()
	t.Diagnose(beyondLimit, hidden, linkLimits)
	id, header := kit.Mark()
	response := c.session.Get(ctx, kit.WithID("/", id), header)
	t.Expect(response.Status).To(gomega.Equal(http.StatusServiceUnavailable), "one request beyond the limit: %s", response)
	t.Expect(response.Headers.Get("X-Envoy-Overloaded")).To(gomega.Equal("true"), "header x-envoy-overloaded of the refusal")
	stats, err := kit.GatewayStats(ctx, c.s, c.cluster)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(stats[pendingOverflow]+stats[activeOverflow]).To(gomega.Equal(uint64(1)), "requests of Service %s that Envoy counts as beyond a limit", c.r.Name)
	kit.MustLog(ctx, t, c.s, id, gomega.ConsistOf(gomega.HaveField("ResponseFlags", "UO")), "access log of the request beyond the limit")
	seen, err := kit.BackendLog(ctx, c.s, id)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(seen).To(gomega.BeEmpty(), "the backend must not see the request beyond the limit")
}

// mustRecover lets the held requests go, after which requests pass again.
func (c *circuit) mustRecover(ctx context.Context, t *check.T) {
	t.Helper()
	t.Diagnose("the gateway still refuses requests after those that filled the limits have ended", hidden, linkLimits)
	c.release()
	t.Eventually(ctx, func() string { return c.session.Get(ctx, "/", nil).String() }).Should(gomega.HavePrefix("status 200"), "a request once the held ones have ended")
}

// pick returns the statistics of these names, absent ones as 0.
func pick(stats map[string]uint64, names ...string) map[string]uint64 {
	picked := map[string]uint64{}
	for _, name := range names {
		picked[name] = stats[name]
	}
	return picked
}
