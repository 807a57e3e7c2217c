package routing

import (
	"context"
	"fmt"
	"net/http"

	"github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

// describe lists counts by version.
func describe(counts map[string]uint64) string {
	return fmt.Sprintf("v1 %d, v2 %d", counts["v1"], counts["v2"])
}

var _ = Checks.Add(changes)

// changes asks the backend what a request had become when it arrived.
func changes(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "route-rewrite",
		Parallel: true,
		Promise:  "path, host and headers reach the backend, and the response's headers the client, as the route rewrites them",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "routing-change", nil)
			t.Diagnose("the gateway does not change a request or a response as the VirtualService says",
				"look at this host's routes in the gateway's config dump in the evidence", link)
			// Each is asked of the answer and of the backend's own log.
			cases := []struct {
				target string
				header http.Header
				want   types.GomegaMatcher
			}{
				{"/old/page", nil, gomega.And(path("/new/page"), gomega.HaveField("Host", "rewritten.example"), gomega.HaveField("Headers", gomega.HaveKeyWithValue("X-Envoy-Original-Path", gomega.ConsistOf(gomega.HavePrefix("/old/page?")))))},
				{"/user/42/orders", nil, gomega.And(path("/orders/of/42"), gomega.HaveField("Host", r.Host))},
				{"/plain", nil, gomega.And(path("/plain"), gomega.HaveField("Host", r.Host), gomega.Not(gomega.HaveField("Headers", gomega.HaveKey("X-Set"))))},
				{
					"/headers", http.Header{"X-Set": {"by-client"}, "X-Add": {"by-client"}, "X-Remove": {"by-client"}, "X-Keep": {"by-client"}},
					gomega.And(header("X-Set", "by-route"), header("X-Add", "by-client", "by-route"), header("X-Keep", "by-client"), header("X-Destination", "by-destination"),
						gomega.Not(gomega.HaveField("Headers", gomega.HaveKey("X-Remove")))),
				},
			}
			for _, c := range cases {
				id, mark := kit.Mark()
				for name, values := range c.header {
					mark[name] = values
				}
				response := r.Get(ctx, kit.WithID(c.target, id), mark)
				t.Expect(response.Status).To(gomega.Equal(http.StatusOK), "%s: %s", c.target, response)
				t.Expect(kit.ParseAnswer(t, response)).To(c.want, "what the backend answered to %s", c.target)
				t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).
					Should(gomega.ConsistOf(c.want), "the backend's own log of %s", c.target)
			}
			changed, plain := r.Get(ctx, "/headers", nil), r.Get(ctx, "/", nil)
			t.Expect(changed.Headers).To(gomega.And(gomega.HaveKeyWithValue("X-Answer", []string{"by-route"}), gomega.HaveKeyWithValue("X-More", []string{"by-route"}),
				gomega.Not(gomega.HaveKey("Content-Type"))), "headers of the response")
			t.Expect(plain.Headers).To(gomega.And(gomega.HaveKey("Content-Type"), gomega.Not(gomega.HaveKey("X-Answer"))), "headers of a response that no route changes")
			t.Observe("two rewritten paths, a rewritten host name and the headers of requests and responses arrived as the routes say")
		},
	}
}

// path matches an Answer by its path; the query holds the request's id.
func path(want string) types.GomegaMatcher {
	return gomega.HaveField("Path", gomega.HavePrefix(want+"?id="))
}

// header matches an Answer by the values of a request header.
func header(name string, values ...string) types.GomegaMatcher {
	return gomega.HaveField("Headers", gomega.HaveKeyWithValue(name, gomega.HaveExactElements(values)))
}

var _ = Checks.Add(redirects)

// redirects asks for what the gateway answers by itself.
func redirects(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "route-redirect",
		Parallel: true,
		Promise:  "redirects and direct responses come from the gateway itself, with the status, Location and body of the route, and never reach the backend",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "routing-change", nil)
			t.Diagnose("the gateway does not answer by itself as the VirtualService says",
				"look at this host's redirect and direct_response in the gateway's config dump in the evidence", link)
			cases := []struct {
				target, location, body string
				status                 int
			}{
				{"/moved", "http://elsewhere.example/here", "", http.StatusMovedPermanently},
				{"/see-other", "https://" + r.Host + ":8443/see-other", "", http.StatusPermanentRedirect},
				{"/teapot", "", "short and stout", http.StatusTeapot},
			}
			for _, c := range cases {
				id, mark := kit.Mark()
				response := r.Send(ctx, kit.WithID(c.target, id), probe.Request{Headers: mark})
				t.Expect(response.Status).To(gomega.Equal(c.status), "%s: %s", c.target, response)
				if c.location != "" {
					t.Expect(response.Headers.Get("Location")).To(gomega.HavePrefix(c.location), "Location of %s", c.target)
				}
				t.Expect(string(response.Body)).To(gomega.Equal(c.body), "body of %s", c.target)
				kit.MustLog(ctx, t, s, id, gomega.ConsistOf(gomega.And(gomega.HaveField("Details", "direct_response"), gomega.HaveField("Status", c.status), gomega.HaveField("UpstreamHost", ""))),
					"access log of %s", c.target)
				answers, err := kit.BackendLog(ctx, s, id)
				t.Expect(err).NotTo(gomega.HaveOccurred())
				t.Expect(answers).To(gomega.BeEmpty(), "the backend must not see %s", c.target)
				t.Observe("%s: %d %s", c.target, response.Status, response.Headers.Get("Location"))
			}
		},
	}
}
