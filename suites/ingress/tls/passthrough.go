package tls

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(passthrough)

// passthrough asks a host whose TLS ends at the backend.
func passthrough(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "tls-passthrough",
		Parallel: true,
		Promise:  "a host with mode PASSTHROUGH is led to the backend by its server name alone: the client sees the backend's own certificate, the backend the client's server name",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.PrepareSecureRoute(t, s, "passthrough")
			r.Apply(ctx, t, "passthrough", "{mode: PASSTHROUGH}", nil)
			client := r.Client()
			// The backend signs for itself; whose certificate it is follows below.
			client.InsecureSkipVerify = true
			r.MustBeServed(ctx, t, client)
			t.Diagnose("TLS of a host with mode PASSTHROUGH ends before the backend, or is led elsewhere",
				"look at the filter chain of the server name in the gateway's config dump in the evidence: it must be a TCP proxy without a transport socket",
				"https://istio.io/latest/docs/tasks/traffic-management/ingress/ingress-sni-passthrough/")
			id, header := kit.Mark()
			response := r.Get(ctx, t, "/?id="+id, header, func(q *probe.Request) { q.TLS = client })
			t.Expect(response.Status).To(gomega.Equal(200), "%s", response)
			answer, shown := kit.ParseAnswer(t, response), response.TLS.PeerCertificates[0]
			sum := sha256.Sum256(shown.Raw)
			t.Expect(shown.Subject.CommonName).To(gomega.Equal(answer.Pod), "name in the certificate that the client was shown")
			t.Expect(answer.Certificate).To(gomega.Equal(hex.EncodeToString(sum[:])), "certificate that the backend says it showed")
			t.Expect(answer.ServerName).To(gomega.Equal(r.Host), "server name that reached the backend")
			t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).
				Should(gomega.ConsistOf(gomega.HaveField("ServerName", r.Host)), "the backend's own log")
			// The gateway cannot see a path in it: it logs connections, by server name.
			kit.MustLog(ctx, t, s, r.Host, gomega.ContainElement(gomega.And(
				gomega.HaveField("UpstreamCluster", gomega.HavePrefix("outbound|443||backend.")), gomega.HaveField("Path", ""), gomega.HaveField("ServerName", r.Host))),
				"connections to %s in the gateway's access log", r.Host)
			t.Observe("pod %s showed its own certificate for %s", answer.Pod, r.Host)
		},
	}
}
