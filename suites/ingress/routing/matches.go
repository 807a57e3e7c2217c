package routing

import (
	"context"
	"encoding/json"
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

// matchCase is a request and the route of fixtures/routes/routing-match.yaml that
// it must take.
type matchCase struct {
	route, method, hostPrefix, target string
	header                            http.Header
}

var matchCases = []matchCase{
	{route: "exact", target: "/exact"},
	{route: "default", target: "/exact/"},
	{route: "default", target: "/exactly"},
	{route: "prefix", target: "/prefix"},
	{route: "prefix", target: "/prefix/more"},
	// A prefix is one of the text, not of path segments.
	{route: "prefix", target: "/prefixed"},
	{route: "default", target: "/a/prefix"},
	{route: "first", target: "/prefix/first/and/more"},
	{route: "prefix", target: "/prefix/second"},
	{route: "regex", target: "/item/42"},
	// The expression must match the whole path.
	{route: "default", target: "/item/42/more"},
	{route: "default", target: "/item/"},
	{route: "case", target: "/CaSe"},
	{route: "default", target: "/EXACT"},
	{route: "header-exact", target: "/", header: http.Header{"X-Exact": {"yes"}}},
	{route: "default", target: "/", header: http.Header{"X-Exact": {"yes!"}}},
	{route: "header-prefix", target: "/", header: http.Header{"X-Prefix": {"abc"}}},
	{route: "header-regex", target: "/", header: http.Header{"X-Regex": {"abcab"}}},
	{route: "default", target: "/", header: http.Header{"X-Regex": {"abcd"}}},
	{route: "header-present", target: "/", header: http.Header{"X-Present": {"anything"}}},
	{route: "header-absent", target: "/anonymous"},
	{route: "default", target: "/anonymous", header: http.Header{"X-User": {"me"}}},
	{route: "query", target: "/?color=red"},
	{route: "default", target: "/?color=redder"},
	{route: "query-regex", target: "/?number=17"},
	{route: "default", target: "/?number=x17"},
	{route: "method", target: "/", method: http.MethodDelete},
	{route: "authority", target: "/", hostPrefix: "other."},
	{route: "both", target: "/both?two=2", header: http.Header{"X-One": {"1"}}},
	{route: "default", target: "/both?two=2"},
	{route: "default", target: "/both", header: http.Header{"X-One": {"1"}}},
	{route: "both", target: "/either"},
	{route: "default", target: "/", hostPrefix: "any.wild."},
	{route: "exact-host", target: "/", hostPrefix: "exact.wild."},
}

var _ = Checks.Add(matches)

// matches sends a request of every kind and asks who answered, and the gateway
// which route it took.
func matches(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "route-match",
		Parallel: true,
		Promise:  "host, path, header, query and method choose the route, the first that matches wins, and an exact host wins over a wildcard",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "routing-match", nil)
			t.Eventually(ctx, func() string {
				return versionOf(r.Send(ctx, "/", probe.Request{Host: "exact.wild." + r.Host}))
			}).WithTimeout(kit.PropagationTimeout).Should(gomega.Equal("v2"), "version that answers for the exact host")
			t.Diagnose("a request does not take the route that its VirtualService gives it",
				"compare the routes of this host in the gateway's config dump in the evidence with the VirtualService", link)
			taken := map[string]matchCase{}
			mark, _ := kit.Mark()
			for i, c := range matchCases {
				id := fmt.Sprintf("%s-%d", mark, i)
				response := r.Send(ctx, kit.WithID(c.target, id), probe.Request{Method: c.method, Host: c.hostPrefix + r.Host, Headers: c.header})
				t.Expect(response.Status).To(gomega.Equal(http.StatusOK), "%+v: %s", c, response)
				want := "v2"
				if c.route == "default" {
					want = "v1"
				}
				t.Expect(kit.ParseAnswer(t, response).Version).To(gomega.Equal(want), "version that answered %+v, which must take route %q", c, c.route)
				taken[id] = c
			}
			mustBeLogged(ctx, t, s, mark, taken)
			t.Observe("%d requests took the routes they must, as who answered says, and the gateway's access log where it is written", len(matchCases))
		},
	}
}

// mustBeLogged asserts that the access log names the route of each request.
func mustBeLogged(ctx context.Context, t *check.T, s *stack.Stack, mark string, taken map[string]matchCase) {
	if !kit.HasLog(t, s) {
		return
	}
	var entries []envoy.AccessLog
	t.Eventually(ctx, func() (int, error) {
		var err error
		entries, err = kit.AccessLog(ctx, s, mark)
		return len(entries), err
	}).Should(gomega.Equal(len(taken)), "entries of the requests in the gateway's access log")
	for id, c := range taken {
		i := slices.IndexFunc(entries, func(e envoy.AccessLog) bool { return kit.IDOf(e.Path) == id })
		t.Expect(i).To(gomega.BeNumerically(">=", 0), "%+v is not in the access log", c)
		t.Expect(entries[i].RouteName).To(gomega.Equal(c.route), "route in the access log of %+v", c)
	}
}

// versionOf returns which version of the backend answered; empty when none did.
func versionOf(r probe.Response) string {
	var a kit.Answer
	if json.Unmarshal(r.Body, &a) != nil {
		return ""
	}
	return a.Version
}
