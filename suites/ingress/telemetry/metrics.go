package telemetry

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/envoy"
	"istio-conformance/internal/probe"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

const (
	// good and bad are how many requests of each kind are sent.
	good, bad = 20, 5
	// proxyPort is Envoy's own page, mergedPort the agent's, which adds the
	// application's; Prometheus is told the latter by annotations.
	// https://istio.io/latest/docs/ops/integrations/prometheus/
	proxyPort, mergedPort, istiodPort = 15090, 15020, 15014
)

// gatewayMetrics counts requests by Envoy's own series.
func gatewayMetrics(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "gateway-metrics",
		Parallel: true,
		Promise:  fmt.Sprintf("the gateway's metrics at ports %d and %d count exactly the requests that were sent, by their status", proxyPort, mergedPort),
		Run: func(ctx context.Context, t *check.T) {
			name := countedTraffic(ctx, t, s)
			cluster := fmt.Sprintf("outbound|80||%s.%s.svc.cluster.local", name, s.Namespace)
			t.Diagnose("the gateway's metrics do not count what was sent",
				"look at the cluster's statistics in the evidence: proxyStatsMatcher must include them, and no other route may lead there",
				"https://istio.io/latest/docs/ops/configuration/telemetry/envoy-stats/")
			for _, port := range []int{proxyPort, mergedPort} {
				for _, c := range []struct {
					series string
					labels map[string]string
					want   float64
				}{
					{"envoy_cluster_upstream_rq", map[string]string{"response_code": "200"}, good},
					{"envoy_cluster_upstream_rq", map[string]string{"response_code": "503"}, bad},
					{"envoy_cluster_upstream_rq_total", nil, good + bad},
				} {
					labels := map[string]string{"cluster_name": cluster}
					for k, v := range c.labels {
						labels[k] = v
					}
					t.Eventually(ctx, func() (float64, error) { return gatewaySum(ctx, s, port, c.series, labels) }).
						Should(gomega.Equal(c.want), "%s%v at port %d", c.series, labels, port)
				}
			}
			t.Observe("%d requests with 200 and %d with 503 counted at both ports", good, bad)
		},
	}
}

// istioMetrics counts requests by Istio's own series.
func istioMetrics(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "istio-requests-total",
		Parallel: true,
		Promise:  "istio_requests_total of the gateway counts exactly the requests that were sent, by their status and destination",
		Run: func(ctx context.Context, t *check.T) {
			if !slices.ContainsFunc(s.Proxy().Extensions, func(name string) bool { return name == "envoy.filters.http.istio_stats" }) {
				t.Skipf("the proxy's Envoy %s lacks Istio's own filter istio_stats", s.Proxy().Version)
			}
			name := countedTraffic(ctx, t, s)
			t.Diagnose("Istio's own metrics do not count what was sent", "look for the istio_stats filter in the gateway's config dump in the evidence", "https://istio.io/latest/docs/reference/config/metrics/")
			for code, want := range map[string]float64{"200": good, "503": bad} {
				labels := map[string]string{"response_code": code, "reporter": "source", "destination_service_name": name}
				t.Eventually(ctx, func() (float64, error) { return gatewaySum(ctx, s, mergedPort, "istio_requests_total", labels) }).
					Should(gomega.Equal(want), "istio_requests_total%v", labels)
			}
			t.Observe("%d requests with 200 and %d with 503 counted", good, bad)
		},
	}
}

// countedTraffic sends good and bad requests to a Service of the check's own,
// whose name it returns; the backend's log is the other witness of their number.
func countedTraffic(ctx context.Context, t *check.T, s *stack.Stack) string {
	name := newName("counted")
	host := name + ".conformance.test"
	kit.Apply(ctx, t, s, s.Namespace, "telemetry/counted.yaml", map[string]string{"Name": name, "Host": host})
	send := func(target, id string) int {
		return probe.HTTP(ctx, probe.Request{URL: s.GatewayURL() + target, Host: host, Headers: http.Header{"X-Conformance-Id": {id}}, Timeout: kit.RequestTimeout}).Status
	}
	// Every request that reaches the Service counts. While the route is not served
	// none does, and the first that does is the first of the good ones.
	id, _ := kit.Mark()
	t.Eventually(ctx, func() int { return send("/", id) }).WithTimeout(kit.PropagationTimeout).Should(gomega.Equal(http.StatusOK), "host %s", host)
	for i := 1; i < good; i++ {
		t.Expect(send("/", id)).To(gomega.Equal(http.StatusOK), "request %d", i)
	}
	for i := range bad {
		t.Expect(send("/?status=503", id)).To(gomega.Equal(http.StatusServiceUnavailable), "request %d that fails", i)
	}
	t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).Should(gomega.HaveLen(good+bad), "the backend's own log")
	return name
}

// gatewaySum reads a series of the gateway's.
func gatewaySum(ctx context.Context, s *stack.Stack, port int, series string, labels map[string]string) (float64, error) {
	pod, err := s.GatewayPod(ctx)
	if err != nil {
		return 0, err
	}
	page, err := scrape(ctx, s, pod, port, "stats/prometheus")
	if err != nil {
		return 0, err
	}
	samples, err := envoy.Samples(page, series)
	return envoy.Sum(samples, labels), err
}
