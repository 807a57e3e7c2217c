package timeouts

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// idleTimeout closes connections that no request uses.
const idleTimeout = time.Second

var _ = Checks.Add(idle)

// idle leaves connections to the backend unused, of one Service with an idle
// time-out and one without.
func idle(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "timeout-idle",
		Parallel: true,
		Promise:  "a connection to a pod that is idle for the DestinationRule's idleTimeout (1 s) is closed, one that waits for a response is not",
		Run: func(ctx context.Context, t *check.T) {
			closing := kit.NewRoute(ctx, t, s, "timeout-kinds", map[string]string{"IdleTimeout": idleTimeout.String()})
			keeping := kit.NewRoute(ctx, t, s, "timeout-kinds", map[string]string{"IdleTimeout": neverIdle})
			t.Diagnose("the gateway cuts off a response that is still to come when the connection has been silent for the DestinationRule's idleTimeout",
				"look at common_http_protocol_options.idle_timeout of this Service's cluster in the gateway's config dump in the evidence", link)
			for _, target := range []string{"/?delay=" + (2 * idleTimeout).String(), "/?" + stream} {
				response := closing.Get(ctx, target, nil)
				t.Expect(response.Err).NotTo(gomega.HaveOccurred(), "%s: %s", target, response)
				t.Expect(response.Status).To(gomega.Equal(http.StatusOK), "%s: %s", target, response)
			}
			kept := keeping.Get(ctx, "/", nil)
			t.Expect(kept.Status).To(gomega.Equal(http.StatusOK), "%s", kept)
			t.Diagnose("the gateway does not close idle connections to a pod at the DestinationRule's idleTimeout",
				"look at common_http_protocol_options.idle_timeout of this Service's cluster in the gateway's config dump in the evidence, and whether another DestinationRule hides this one",
				"https://istio.io/latest/docs/reference/config/networking/destination-rule/#ConnectionPoolSettings-HTTPSettings")
			var closed map[string]uint64
			t.Eventually(ctx, func() (string, error) {
				var err error
				closed, err = kit.GatewayStats(ctx, s, kit.Cluster(s, closing.Name, "", 80))
				return connections(closed), err
			}).Should(idled(t, s), "connections to Service %s", closing.Name)
			stats, err := kit.GatewayStats(ctx, s, kit.Cluster(s, keeping.Name, "", 80))
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Diagnose("the gateway closes idle connections without an idleTimeout", "look at the pods' own time-outs, and at the clusters in the evidence", link)
			t.Expect(stats["upstream_cx_active"]).To(gomega.BeNumerically(">", 0), "connections to Service %s, without an idle time-out: %v", keeping.Name, stats)
			t.Observe("%d idle connections closed after %s; %d kept without an idle time-out", closed["upstream_cx_idle_timeout"], idleTimeout, stats["upstream_cx_active"])
		},
	}
}

// idled matches what connections says when all have been closed as idle: without Envoy's
// counts of why, none is left.
func idled(t *check.T, s *stack.Stack) types.GomegaMatcher {
	if !kit.HasStatistics(t, s) {
		return gomega.HavePrefix("0 open")
	}
	return gomega.Equal("0 open, all closed as idle")
}

// connections says how many are open and why the others are not.
func connections(stats map[string]uint64) string {
	if stats["upstream_cx_total"] > 0 && stats["upstream_cx_idle_timeout"] == stats["upstream_cx_total"] {
		return fmt.Sprintf("%d open, all closed as idle", stats["upstream_cx_active"])
	}
	return fmt.Sprintf("%d open, %d of %d closed as idle", stats["upstream_cx_active"], stats["upstream_cx_idle_timeout"], stats["upstream_cx_total"])
}
