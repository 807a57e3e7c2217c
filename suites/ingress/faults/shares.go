package faults

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/stats"
	"istio-conformance/suites/kit"
)

// What fixtures/routes/faults.yaml says.
const (
	abortShare, abortStatus = 0.30, http.StatusTeapot
	delayShare, delay       = 0.25, time.Second
)

// Requests that are sent to see a share of them.
const (
	abortRequests = 300
	delayRequests = 60
)

var _ = Checks.Add(aborts)

// aborts counts how many of many requests are aborted.
func aborts(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "fault-abort",
		Parallel: true,
		Promise:  "30 % of the requests are aborted, within the bound that chance exceeds once in a million runs, and none of these reaches the backend",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "faults", nil)
			cluster := kit.Cluster(s, r.Name, "", 80)
			before, err := kit.GatewayStats(ctx, s, cluster)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Diagnose(cause, fix, link)
			counts := map[int]int{}
			for _, response := range r.Bulk(ctx, "/abort-some", abortRequests, nil) {
				t.Expect(response.Status).To(gomega.Or(gomega.Equal(http.StatusOK), gomega.Equal(abortStatus)), "%s", response)
				counts[response.Status]++
			}
			want := stats.Expected(abortRequests, abortShare, stats.Level)
			t.Observe("%d of %d requests aborted, want %s", counts[abortStatus], abortRequests, want)
			t.Expect(want.Contains(counts[abortStatus])).To(gomega.BeTrue(), "aborted %d of %d requests, want %s of a share of %v", counts[abortStatus], abortRequests, want, abortShare)
			t.Diagnose("an aborted request was sent to the backend all the same", fix, link)
			t.Eventually(ctx, func() (uint64, error) {
				after, err := kit.GatewayStats(ctx, s, cluster)
				return after["upstream_rq_total"] - before["upstream_rq_total"], err
			}).Should(gomega.Equal(uint64(counts[http.StatusOK])), "requests to the backend by Envoy's statistics")
		},
	}
}

var _ = Checks.Add(delays)

// delays counts how many of some requests are delayed.
func delays(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "fault-delay",
		Parallel: true,
		Promise:  "25 % of the requests are delayed, by 1 s and no less, within the bound that chance exceeds once in a million runs",
		Run: func(ctx context.Context, t *check.T) {
			s := s.AtLog()
			r := kit.NewRoute(ctx, t, s, "faults", nil)
			t.Diagnose(cause, fix, link)
			mark, _ := kit.Mark()
			slow := 0
			for _, response := range r.Bulk(ctx, kit.WithID("/delay-some", mark), delayRequests, nil) {
				t.Expect(response.Status).To(gomega.Equal(http.StatusOK), "%s", response)
				if response.Duration >= delay-kit.TimerSlack {
					slow++
				}
			}
			// A busy machine delays requests too: which of them Envoy delayed, its
			// access log says.
			var flagged int
			t.Eventually(ctx, func() (int, error) {
				entries, err := kit.AccessLog(ctx, s, mark)
				flagged = 0
				for _, entry := range entries {
					if strings.Contains(entry.ResponseFlags, "DI") {
						flagged++
					}
				}
				return len(entries), err
			}).Should(gomega.Equal(delayRequests), "entries of the requests in the gateway's access log")
			want := stats.Expected(delayRequests, delayShare, stats.Level)
			t.Observe("%d of %d requests have flag DI, %d took %s or longer; want %s", flagged, delayRequests, slow, delay, want)
			t.Expect(want.Contains(flagged)).To(gomega.BeTrue(), "flag DI on %d of %d requests, want %s of a share of %v", flagged, delayRequests, want, delayShare)
			t.Expect(slow).To(gomega.BeNumerically(">=", flagged), "requests that took %s or longer, of which %d have flag DI", delay, flagged)
		},
	}
}
