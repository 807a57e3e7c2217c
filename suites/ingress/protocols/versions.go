package protocols

import (
	"context"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(httpVersions)

// httpVersions asks with each version of HTTP for ports of each.
func httpVersions(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "http-versions",
		Parallel: true,
		Promise:  "HTTP/1.1 and cleartext HTTP/2 from the client are each carried to the backend in the version that its port's name says (over TLS: tls-by-server-name)",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "versions", nil)
			t.Diagnose("the gateway does not speak the version of HTTP that a side of it wants",
				"look at the port names of the backend's Service and at the cluster's typed_extension_protocol_options in the gateway's config dump in the evidence", docs)
			for _, c := range []struct {
				name             string
				http2            bool
				target           string
				client, upstream string
				logged           string
			}{
				{"HTTP/1.1 to HTTP/1.1", false, "/h1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1"},
				{"HTTP/1.1 to HTTP/2", false, "/h2", "HTTP/1.1", "HTTP/2.0", "HTTP/1.1"},
				{"HTTP/2 to HTTP/1.1", true, "/h1", "HTTP/2.0", "HTTP/1.1", "HTTP/2"},
				{"HTTP/2 to HTTP/2", true, "/h2", "HTTP/2.0", "HTTP/2.0", "HTTP/2"},
			} {
				id, header := kit.Mark()
				response := probe.HTTP(ctx, probe.Request{URL: s.GatewayURL() + c.target + "?id=" + id, Host: r.Host, Headers: header, HTTP2: c.http2})
				t.Expect(response.Status).To(gomega.Equal(200), "%s: %s", c.name, response)
				t.Expect(response.Proto).To(gomega.Equal(c.client), "%s: version of the response", c.name)
				t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).
					Should(gomega.ConsistOf(gomega.HaveField("Protocol", c.upstream)), "%s: the backend's own log", c.name)
				kit.MustLog(ctx, t, s, id, gomega.ConsistOf(gomega.HaveField("Protocol", c.logged)), "%s: the gateway's access log", c.name)
				t.Observe("%s: client %s, backend %s", c.name, c.client, c.upstream)
			}
		},
	}
}
