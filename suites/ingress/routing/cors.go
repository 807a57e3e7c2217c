package routing

import (
	"context"
	"net/http"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(cors)

// cors sends what a browser sends for pages of several origins.
func cors(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "route-cors",
		Parallel: true,
		Promise:  "the gateway answers the preflight of an allowed origin by itself, allows that origin to read the answer, and no other",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "routing-cors", nil)
			t.Diagnose("the gateway does not treat cross-origin requests as the VirtualService's corsPolicy says",
				"look at the route's typed_per_filter_config of envoy.filters.http.cors in the gateway's config dump in the evidence, and whether the listener has that filter",
				link+"#CorsPolicy")
			for _, origin := range []string{"https://app.example", "https://some.partner.example"} {
				id, preflight := preflight(ctx, r, origin)
				t.Expect(preflight.Status).To(gomega.Equal(http.StatusOK), "preflight of %s: %s", origin, preflight)
				t.Expect(preflight.Headers).To(gomega.And(
					gomega.HaveKeyWithValue("Access-Control-Allow-Origin", []string{origin}),
					gomega.HaveKeyWithValue("Access-Control-Allow-Methods", []string{"GET,PUT"}),
					gomega.HaveKeyWithValue("Access-Control-Allow-Headers", []string{"x-token"}),
					gomega.HaveKeyWithValue("Access-Control-Allow-Credentials", []string{"true"}),
					gomega.HaveKeyWithValue("Access-Control-Max-Age", []string{"600"}),
				), "headers of the preflight of %s", origin)
				mustReach(ctx, t, s, id, 0)
				id, mark := kit.Mark()
				mark.Set("Origin", origin)
				answer := r.Get(ctx, kit.WithID("/", id), mark)
				t.Expect(answer.Status).To(gomega.Equal(http.StatusOK), "%s", answer)
				t.Expect(answer.Headers).To(gomega.And(
					gomega.HaveKeyWithValue("Access-Control-Allow-Origin", []string{origin}), gomega.HaveKeyWithValue("Access-Control-Expose-Headers", []string{"x-seen"}),
				), "headers of an answer to %s", origin)
				mustReach(ctx, t, s, id, 1)
			}
			for _, origin := range []string{"https://evil.example", "https://app.example.evil.example", "http://app.example"} {
				_, preflight := preflight(ctx, r, origin)
				t.Expect(preflight.Err).NotTo(gomega.HaveOccurred())
				t.Expect(preflight.Headers).NotTo(gomega.HaveKey("Access-Control-Allow-Origin"), "preflight of %s: %s", origin, preflight)
				answer := r.Get(ctx, "/", http.Header{"Origin": {origin}})
				t.Expect(answer.Headers).NotTo(gomega.HaveKey("Access-Control-Allow-Origin"), "answer to %s: %s", origin, answer)
			}
			t.Observe("two allowed origins and three others are told apart; allowed preflights do not reach the backend")
		},
	}
}

// preflight asks whether a page of the origin may send a PUT with X-Token.
func preflight(ctx context.Context, r kit.Route, origin string) (id string, response probe.Response) {
	id, header := kit.Mark()
	header.Set("Origin", origin)
	header.Set("Access-Control-Request-Method", http.MethodPut)
	header.Set("Access-Control-Request-Headers", "x-token")
	return id, r.Send(ctx, kit.WithID("/", id), probe.Request{Method: http.MethodOptions, Headers: header})
}

// mustReach asserts how often a request reached the backend, once the gateway
// has logged it: its line is later than the backend's would be.
func mustReach(ctx context.Context, t *check.T, s *stack.Stack, id string, times int) {
	kit.MustLog(ctx, t, s, id, gomega.HaveLen(1), "entries of request %s in the gateway's access log", id)
	t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).Should(gomega.HaveLen(times), "the backend's own log of request %s", id)
}
