package telemetry

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/envoy"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

const (
	// good and bad are how many requests of each kind are sent.
	good, bad = 20, 5
	// proxyPort is Envoy's own page, mergedPort the agent's, which adds the
	// application's; Prometheus is told the latter by annotations.
	// https://istio.io/latest/docs/ops/integrations/prometheus/
	proxyPort, mergedPort = 15090, 15020
)

// linkStats is where Envoy's metrics are documented.
const linkStats = "https://istio.io/latest/docs/ops/configuration/telemetry/envoy-stats/"

var _ = Checks.Add(gatewayMetrics)

// gatewayMetrics counts requests by Envoy's own series.
func gatewayMetrics(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "gateway-metrics",
		Parallel: true,
		Promise:  fmt.Sprintf("the gateway's metrics at ports %d and %d count exactly the requests that were sent, by their status", proxyPort, mergedPort),
		Run: func(ctx context.Context, t *check.T) {
			s := s.AtStatistics()
			service := newCounted(ctx, t, s)
			cluster := fmt.Sprintf("outbound|80||%s.%s.svc.cluster.local", service.name, s.Namespace)
			counters := []*counter{}
			for _, port := range []int{proxyPort, mergedPort} {
				counters = append(counters,
					&counter{port, "envoy_cluster_upstream_rq", map[string]string{"cluster_name": cluster, "response_code": "200"}, good},
					&counter{port, "envoy_cluster_upstream_rq", map[string]string{"cluster_name": cluster, "response_code": "503"}, bad},
					&counter{port, "envoy_cluster_upstream_rq_total", map[string]string{"cluster_name": cluster}, good + bad},
				)
			}
			service.counts(ctx, t, s, counters, func() {
				t.Diagnose("the gateway's metrics do not count what was sent",
					"look at the cluster's statistics in the evidence: proxyStatsMatcher must include them, and no other route may lead there", linkStats)
			})
			t.Observe("%d requests with 200 and %d with 503 counted at both ports", good, bad)
		},
	}
}

var _ = Checks.Add(istioMetrics)

// istioMetrics counts requests by Istio's own series.
func istioMetrics(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "istio-requests-total",
		Parallel: true,
		Promise:  "istio_requests_total of the gateway counts exactly the requests that were sent, by their status and destination",
		Run: func(ctx context.Context, t *check.T) {
			if slices.Contains(s.MissingFilters(), envoy.IstioStats) {
				t.Skipf("the proxy's Envoy %s lacks Istio's own filter %s", s.Proxy().Version, envoy.IstioStats)
			}
			service := newCounted(ctx, t, s)
			labels := func(code string) map[string]string {
				return map[string]string{"response_code": code, "reporter": "source", "destination_service_name": service.name}
			}
			service.counts(ctx, t, s, []*counter{
				{mergedPort, "istio_requests_total", labels("200"), good}, {mergedPort, "istio_requests_total", labels("503"), bad},
			}, func() {
				t.Diagnose("Istio's own metrics do not count what was sent", "look for the istio_stats filter in the gateway's config dump in the evidence", "https://istio.io/latest/docs/reference/config/metrics/")
			})
			t.Observe("%d requests with 200 and %d with 503 counted", good, bad)
		},
	}
}

// countedService is a Service of a check's own, behind a host of its own.
type countedService struct{ name, host string }

// newCounted makes the Service and waits until the gateway serves it.
func newCounted(ctx context.Context, t *check.T, s *stack.Stack) countedService {
	c := countedService{name: newName("counted")}
	c.host = c.name + "." + s.Domain()
	kit.Apply(ctx, t, s, s.Namespace, "telemetry/counted.yaml", map[string]string{"Name": c.name, "Host": c.host})
	t.Eventually(ctx, func() int { return c.send(ctx, s, "/", "").Status }).WithTimeout(kit.PropagationTimeout).
		Should(gomega.Equal(http.StatusOK), "host %s", c.host)
	return c
}

func (c countedService) send(ctx context.Context, s *stack.Stack, target, id string) probe.Response {
	return probe.HTTP(ctx, probe.Request{URL: s.GatewayURL() + target, Host: c.host, Headers: http.Header{"X-Conformance-Id": {id}}, Timeout: kit.RequestTimeout})
}

// counter is a series of the gateway's and by how much it must rise.
type counter struct {
	port   int
	series string
	labels map[string]string
	rise   float64
}

// counts sends good and bad requests and asserts that the counters rise by their
// number; the backend's log is the other witness of it. diagnose says what it means when
// they do not.
func (c countedService) counts(ctx context.Context, t *check.T, s *stack.Stack, counters []*counter, diagnose func()) {
	t.Diagnose("the gateway's metrics cannot be read", "look at the error, and for what keeps the API server from the port of the gateway's pod", linkStats)
	before := make([]float64, len(counters))
	for i, k := range counters {
		var err error
		before[i], err = gatewaySum(ctx, s, k)
		t.Expect(err).NotTo(gomega.HaveOccurred())
	}
	t.Diagnose("a request to a Service of the check's own is not answered as ordered", "look for the request in the gateway's access log in the evidence", linkStats)
	id, _ := kit.Mark()
	for i := range good {
		response := c.send(ctx, s, "/", id)
		t.Expect(response.Status).To(gomega.Equal(http.StatusOK), "request %d: %s", i, response)
	}
	for i := range bad {
		response := c.send(ctx, s, "/?status=503", id)
		t.Expect(response.Status).To(gomega.Equal(http.StatusServiceUnavailable), "request %d that fails: %s", i, response)
	}
	t.Diagnose("the backend got more or fewer requests than were sent", "look for the attempts of each request in the gateway's access log in the evidence", linkStats)
	t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).Should(gomega.HaveLen(good+bad), "the backend's own log")
	diagnose()
	for i, k := range counters {
		t.Eventually(ctx, func() (float64, error) {
			now, err := gatewaySum(ctx, s, k)
			return now - before[i], err
		}).Should(gomega.Equal(k.rise), "rise of %s%v at port %d", k.series, k.labels, k.port)
	}
}

// gatewaySum reads a series of the gateway's.
func gatewaySum(ctx context.Context, s *stack.Stack, c *counter) (float64, error) {
	pod, err := s.GatewayPod(ctx)
	if err != nil {
		return 0, err
	}
	page, err := kit.Scrape(ctx, s, pod, c.port, "stats/prometheus")
	if err != nil {
		return 0, err
	}
	samples, err := envoy.Samples(page, c.series)
	return envoy.Sum(samples, c.labels), err
}
