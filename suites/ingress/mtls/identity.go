package mtls

import (
	"context"
	"strings"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/envoy"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(identity)

// identity compares who the backend's sidecar saw with the certificate that the
// gateway holds.
func identity(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "mtls-identity",
		Parallel: true,
		Promise:  "the backend's sidecar sees the gateway's SPIFFE identity, by the very certificate that the gateway's Envoy holds, and the gateway addressed the backend's identity",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "plain", nil)
			dump, err := s.GatewayAdmin(ctx, "config_dump?resource=dynamic_active_secrets")
			t.Expect(err).NotTo(gomega.HaveOccurred())
			certificate, err := envoy.WorkloadCertificate([]byte(dump))
			t.Expect(err).NotTo(gomega.HaveOccurred())
			gateway := s.Identity(s.Gateway.Namespace, s.Gateway.ServiceAccount)
			t.Diagnose("the gateway's own certificate is not of its service account", "look at the gateway's log for how it got its certificate from istiod", docs)
			t.Expect(certificate.URIs).To(gomega.ConsistOf(gomega.HaveField("String()", gateway)), "identities in the gateway's certificate")

			t.Diagnose("the way from the gateway to the backend is not mutual TLS with Istio's identities",
				"look for a PeerAuthentication or DestinationRule that disables it: istioctl x describe pod", docs)
			id, header := kit.Mark()
			response := r.Get(ctx, "/?id="+id, header)
			t.Expect(response.Status).To(gomega.Equal(200), "%s", response)
			seen := clientCertificate(kit.ParseAnswer(t, response))
			t.Expect(seen).To(gomega.HaveKeyWithValue("URI", gateway), "client of the backend's sidecar by X-Forwarded-Client-Cert")
			t.Expect(seen).To(gomega.HaveKeyWithValue("By", s.Identity(s.Namespace, "default")), "identity of the backend's sidecar")
			t.Expect(seen).To(gomega.HaveKeyWithValue("Hash", envoy.Fingerprint(certificate)), "SHA-256 of the gateway's certificate %x", certificate.SerialNumber)
			t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).Should(gomega.HaveLen(1), "the backend's own log")
			t.Observe("%s, certificate %x, to %s", seen["URI"], certificate.SerialNumber, seen["By"])
		},
	}
}

// clientCertificate reads X-Forwarded-Client-Cert of one hop; empty when the
// request came without a client's certificate.
// https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert
func clientCertificate(a kit.Answer) map[string]string {
	fields := map[string]string{}
	for part := range strings.SplitSeq(a.Headers.Get("X-Forwarded-Client-Cert"), ";") {
		if key, value, ok := strings.Cut(part, "="); ok {
			fields[key] = strings.Trim(value, `"`)
		}
	}
	return fields
}
