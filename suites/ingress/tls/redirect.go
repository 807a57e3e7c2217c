package tls

import (
	"context"
	"net/http"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(redirect)

// redirect asks a host by plain HTTP that is served over HTTPS only.
func redirect(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "https-redirect",
		Parallel: true,
		Promise:  "a request by plain HTTP to a host with httpsRedirect is answered 301 to the same host, path and query by HTTPS, and never reaches the backend",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewSecureRoute(ctx, t, s, "redirect", "mode: SIMPLE", nil, nil)
			r.MustBeServed(ctx, t, r.Client())
			plain := func(ctx context.Context, target string, header http.Header) probe.Response {
				return probe.HTTP(ctx, probe.Request{URL: s.GatewayURL() + target, Host: r.Host, Headers: header, Timeout: kit.RequestTimeout})
			}
			t.Diagnose("the gateway does not redirect plain HTTP of a host with httpsRedirect",
				"look at require_tls of the virtual host in the gateway's route configuration http.80 in the evidence",
				"https://istio.io/latest/docs/reference/config/networking/gateway/#ServerTLSSettings")
			// The two ports' configurations arrive one after the other.
			t.Eventually(ctx, func() int { return plain(ctx, "/", nil).Status }).WithTimeout(kit.PropagationTimeout).
				Should(gomega.Equal(http.StatusMovedPermanently), "http://%s", r.Host)
			id, header := kit.Mark()
			target := "/some/path?id=" + id
			response := plain(ctx, target, header)
			t.Expect(response.Status).To(gomega.Equal(http.StatusMovedPermanently), "%s", response)
			t.Expect(response.Headers.Get("Location")).To(gomega.Equal("https://" + r.Host + target))
			kit.MustLog(ctx, t, s, id, gomega.ConsistOf(gomega.And(gomega.HaveField("Status", 301), gomega.HaveField("Attempts", 0))), "the gateway's access log")
			arrived, err := kit.BackendLog(ctx, s, id)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(arrived).To(gomega.BeEmpty(), "the redirected request at the backend")
			t.Expect(r.Get(ctx, t, target, header, nil).Status).To(gomega.Equal(200), "where the client was sent")
			t.Observe("http://%s -> %s", r.Host, response.Headers.Get("Location"))
		},
	}
}
