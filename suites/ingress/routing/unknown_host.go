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

var _ = Checks.Add(unknownHost)

// unknownHost asks for names that nothing serves, and for one that was served.
func unknownHost(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "unknown-host",
		SkipIf:   s.WhyTakesAll,
		Parallel: true,
		Promise:  "a host without a route is answered 404 by the gateway itself, and so is one whose route was deleted",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "plain", nil)
			t.Diagnose("the gateway does not answer 404 for a host that no VirtualService of the checks names",
				"look for the route that the access log in the evidence names, and for a VirtualService or Gateway whose hosts cover it", link)
			for _, host := range []string{"unknown." + s.Domain(), "elsewhere.example", r.Host + ".more.example"} {
				mustBeUnknown(ctx, t, s, r, host)
			}
			t.Diagnose("the gateway still serves a VirtualService that was deleted", "compare istiod's and the gateway's configuration in the evidence",
				"https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/")
			t.Expect(r.Delete(ctx)).To(gomega.Succeed())
			t.Eventually(ctx, func() int { return r.Get(ctx, "/", nil).Status }).WithTimeout(kit.PropagationTimeout).
				Should(gomega.Equal(http.StatusNotFound), "host %s after its route was deleted", r.Host)
			mustBeUnknown(ctx, t, s, r, r.Host)
			t.Observe("404 with flag NR for three unknown hosts and for one whose route was deleted")
		},
	}
}

// mustBeUnknown asserts that the gateway answers 404 by itself.
func mustBeUnknown(ctx context.Context, t *check.T, s *stack.Stack, r kit.Route, host string) {
	id, header := kit.Mark()
	response := r.Send(ctx, kit.WithID("/", id), probe.Request{Host: host, Headers: header})
	t.Expect(response.Status).To(gomega.Equal(http.StatusNotFound), "host %s: %s", host, response)
	kit.MustLog(ctx, t, s, id, gomega.ConsistOf(gomega.And(gomega.HaveField("ResponseFlags", "NR"), gomega.HaveField("UpstreamHost", ""))), "access log of host %s", host)
	// The access log's line is later than the backend's would be.
	answers, err := kit.BackendLog(ctx, s, id)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(answers).To(gomega.BeEmpty(), "the backend must not see a request for host %s", host)
}
