package gatewayapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/internal/traffic/stats"
	"istio-conformance/suites/kit"
)

// matchCases are requests and the version of fixtures/routes/http-route.yaml that
// must answer.
var matchCases = []struct {
	target, method string
	header         http.Header
	version        string
}{
	{target: "/", version: "v1"},
	{target: "/prefix", version: "v2"},
	{target: "/prefix/more", version: "v2"},
	// A prefix is one of path segments here, and not of the text.
	{target: "/prefixed", version: "v1"},
	// The longest prefix wins, and an exact path over all, whatever the order.
	{target: "/prefix/longer/more", version: "v1"},
	{target: "/prefix/longer/exact", version: "v2"},
	{target: "/", header: http.Header{"X-Exact": {"yes"}}, version: "v2"},
	{target: "/", header: http.Header{"X-Exact": {"no"}}, version: "v1"},
	{target: "/?color=red", version: "v2"},
	{target: "/?color=blue", version: "v1"},
	{target: "/", method: http.MethodDelete, version: "v2"},
}

var _ = Checks.Add(matches)

// matches sends a request of every kind of match.
func matches(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "http-route-match",
		Parallel: true,
		Promise:  "an HTTPRoute of the Gateway API chooses by path, header, query and method, the most specific match first, and other hosts are unknown",
		Run: func(ctx context.Context, t *check.T) {
			r := newRoute(ctx, t, s)
			t.Diagnose("a request does not take the rule of the HTTPRoute that it must", fix, link)
			mark, _ := kit.Mark()
			want := map[string]string{}
			for i, c := range matchCases {
				id := fmt.Sprintf("%s-%d", mark, i)
				response := r.Send(ctx, kit.WithID(c.target, id), probe.Request{Method: c.method, Headers: c.header})
				t.Expect(response.Status).To(gomega.Equal(http.StatusOK), "%+v: %s", c, response)
				t.Expect(kit.ParseAnswer(t, response).Version).To(gomega.Equal(c.version), "version that answered %+v", c)
				want[id] = kit.Cluster(s, r.Name+"-"+c.version, "", 80)
			}
			t.Eventually(ctx, func() (map[string]string, error) {
				entries, err := kit.AccessLog(ctx, s, mark)
				got := map[string]string{}
				for _, entry := range entries {
					got[kit.IDOf(entry.Path)] = entry.UpstreamCluster
				}
				return got, err
			}).Should(gomega.Equal(want), "upstream cluster of each request in the gateway's access log")
			t.Diagnose("the gateway does not answer 404 for a host that no HTTPRoute of the checks names",
				"look for the route that the access log in the evidence names, and for an HTTPRoute, VirtualService or Gateway whose hosts cover it", link)
			id, _ := kit.Mark()
			unknown := r.Send(ctx, kit.WithID("/", id), probe.Request{Host: "unknown.gateway-api.test"})
			t.Expect(unknown.Status).To(gomega.Equal(http.StatusNotFound), "a host that no HTTPRoute names: %s", unknown)
			kit.MustLog(ctx, t, s, id, gomega.ConsistOf(gomega.HaveField("ResponseFlags", "NR")), "access log of an unknown host")
			t.Observe("%d requests were answered by the version they must, by the answers and by the gateway's access log", len(matchCases))
		},
	}
}

// What a rule of fixtures/routes/http-route.yaml gives to v2, of so many requests.
const (
	weightedRequests = 300
	smallWeight      = 0.1
)

var _ = Checks.Add(weights)

// weights counts how requests are split between two Services.
func weights(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "http-route-weights",
		Parallel: true,
		Promise:  "an HTTPRoute's weights 90 and 10 split the requests so, within the bound that chance exceeds once in a million runs",
		Run: func(ctx context.Context, t *check.T) {
			r := newRoute(ctx, t, s)
			cluster := kit.Cluster(s, r.Name+"-v2", "", 80)
			before, err := kit.GatewayStats(ctx, s, cluster)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			_, versions := kit.MustAnswer(t, r.Bulk(ctx, "/weights", weightedRequests, nil))
			want := stats.Expected(weightedRequests, smallWeight, stats.Level)
			t.Observe("v1 %d, v2 %d of %d requests; want %s for v2", versions["v1"], versions["v2"], weightedRequests, want)
			t.Diagnose("the gateway does not split requests by the weights of the HTTPRoute", fix, link)
			t.Expect(want.Contains(versions["v2"])).To(gomega.BeTrue(), "v2 answered %d of %d requests, want %s of a share of %v", versions["v2"], weightedRequests, want, smallWeight)
			t.Eventually(ctx, func() (uint64, error) {
				after, err := kit.GatewayStats(ctx, s, cluster)
				return after["upstream_rq_total"] - before["upstream_rq_total"], err
			}).Should(gomega.Equal(uint64(versions["v2"])), "requests to v2 by Envoy's statistics")
		},
	}
}

// requestTimeout is the time-out in fixtures/routes/http-route.yaml.
const requestTimeout = time.Second

var _ = Checks.Add(filters)

// filters asks for everything that an HTTPRoute changes on the way.
func filters(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "http-route-filters",
		Parallel: true,
		Promise:  "an HTTPRoute mirrors, rewrites paths, hosts and headers, redirects and times out as it says",
		Run: func(ctx context.Context, t *check.T) {
			r := newRoute(ctx, t, s)
			t.Diagnose("the gateway does not apply the filters of an HTTPRoute", fix, link)
			id, mark := kit.Mark()
			mark.Set("X-Remove", "by-client")
			mark.Set("X-Add", "by-client")
			rewritten := r.Get(ctx, kit.WithID("/rewrite/page", id), mark)
			t.Expect(rewritten.Status).To(gomega.Equal(http.StatusOK), "%s", rewritten)
			t.Expect(rewritten.Headers.Get("X-Answer")).To(gomega.Equal("by-route"), "header of the response")
			t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).Should(gomega.ConsistOf(gomega.And(
				gomega.HaveField("Path", gomega.HavePrefix("/new/page?")), gomega.HaveField("Host", "rewritten.example"),
				gomega.HaveField("Headers", gomega.And(
					gomega.HaveKeyWithValue("X-Set", []string{"by-route"}), gomega.HaveKeyWithValue("X-Add", []string{"by-client", "by-route"}), gomega.Not(gomega.HaveKey("X-Remove")))),
			)), "the backend's own log of a rewritten request")

			id, mark = kit.Mark()
			mirrored := r.Get(ctx, kit.WithID("/mirror", id), mark)
			t.Expect(mirrored.Status).To(gomega.Equal(http.StatusOK), "%s", mirrored)
			t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).
				Should(gomega.ConsistOf(gomega.HaveField("Version", "v1"), gomega.HaveField("Version", "v2")), "the backends' own logs of a mirrored request")

			id, mark = kit.Mark()
			moved := r.Get(ctx, kit.WithID("/redirect/page", id), mark)
			t.Expect(moved.Status).To(gomega.Equal(http.StatusMovedPermanently), "%s", moved)
			t.Expect(moved.Headers.Get("Location")).To(gomega.HavePrefix("https://elsewhere.example/here"), "Location")

			t.Diagnose("the gateway does not end a request at the HTTPRoute's time-out", fix, link)
			id, mark = kit.Mark()
			slow := r.Get(ctx, kit.WithID("/timeout?delay=5s", id), mark)
			t.Expect(slow.Status).To(gomega.Equal(http.StatusGatewayTimeout), "%s", slow)
			t.Expect(slow.Duration).To(gomega.And(gomega.BeNumerically(">=", requestTimeout-kit.TimerSlack), gomega.BeNumerically("<=", requestTimeout+kit.TimeoutTolerance)),
				"want the answer %s to %s after the request", requestTimeout-kit.TimerSlack, requestTimeout+kit.TimeoutTolerance)
			kit.MustLog(ctx, t, s, id, gomega.ConsistOf(gomega.HaveField("ResponseFlags", "UT")), "flag of an upstream time-out in the gateway's access log")
			t.Observe("rewrite, headers, mirror, redirect and time-out are as the HTTPRoute says")
		},
	}
}
