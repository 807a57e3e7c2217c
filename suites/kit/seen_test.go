package kit

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/mesh/envoy"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/traffic/probe"
)

const cds, lds, rds = "type.googleapis.com/envoy.config.cluster.v3.Cluster", "type.googleapis.com/envoy.config.listener.v3.Listener", "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"

// gatewayProxy is a gateway's proxy whose routes are in a state.
func gatewayProxy(routes istio.ResourceStatus) []istio.ProxyStatus {
	same := istio.ResourceStatus{Sent: "1", Acked: "1"}
	return []istio.ProxyStatus{{ID: "gw.istio-ingress", Type: "router", Resources: map[string]istio.ResourceStatus{cds: same, lds: same, rds: routes}}}
}

func answer(status int, body string, headers ...string) probe.Response {
	h := http.Header{}
	for _, name := range headers {
		h.Set(name, "3")
	}
	return probe.Response{Status: status, Body: []byte(body), Headers: h}
}

var (
	closed   = probe.Response{Class: probe.Closed, Err: syscall.ECONNRESET}
	synced   = gatewayProxy(istio.ResourceStatus{Sent: "1", Acked: "1"})
	web      = &envoy.Listener{Port: 80, NetworkFilters: []string{"envoy.filters.network.http_connection_manager"}}
	unasked  = map[string]string{"gateway": "forbidden", "istiod": "forbidden"}
	askedNot = map[string]string{"routes": "forbidden"}
)

// claims are the words by which a sentence claims something; none may be there that the
// case does not show.
var claims = []string{"AuthorizationPolic", "RequestAuthentication", "PROXY", "does not read HTTP", "no listener", "no route for the host", "no virtual host",
	"has not accepted", "has not sent", "no ready istiod", "none of its pods", "no endpoint", "not the Secret's", "refuses the newest listener", "not in use yet", "before the change", "behind the gateway", "is not known"}

func TestTheCauseFollowsFromWhatWasSeen(t *testing.T) {
	for name, c := range map[string]struct {
		seen Unserved
		says []string
	}{
		"a policy refuses":               {Unserved{Last: answer(403, "RBAC: access denied"), listener: web, domain: "h.test", states: synced}, []string{"AuthorizationPolic"}},
		"a policy of the backend's":      {Unserved{Last: answer(403, "RBAC: access denied", upstreamTime)}, []string{"AuthorizationPolic", "behind the gateway"}},
		"some other 403":                 {Unserved{Last: answer(403, "no"), domain: "h.test", states: synced}, []string{"is not known"}},
		"a token is refused":             {Unserved{Last: answer(401, "Jwt verification fails")}, []string{"RequestAuthentication"}},
		"a 401 of an application":        {Unserved{Last: answer(401, "who are you", upstreamTime)}, []string{"behind the gateway"}},
		"not sent":                       {Unserved{Last: answer(404, ""), states: synced}, []string{"no route for the host", "has not sent"}},
		"refused by Envoy":               {Unserved{Last: answer(404, ""), states: gatewayProxy(istio.ResourceStatus{Sent: "2", Acked: "1", LastError: "bad route"})}, []string{"no route for the host", "has not accepted", "bad route"}},
		"not acknowledged":               {Unserved{Last: answer(404, ""), states: gatewayProxy(istio.ResourceStatus{Sent: "2", Acked: "1"})}, []string{"no route for the host", "has not accepted"}},
		"not connected":                  {Unserved{Last: answer(404, "")}, []string{"no route for the host", "no ready istiod"}},
		"istiod does not answer":         {Unserved{Last: answer(404, ""), unasked: map[string]string{"istiod": "timeout"}}, []string{"no route for the host", "could not be asked"}},
		"another host takes it":          {Unserved{Last: answer(404, ""), domain: "*.test", states: synced}, []string{"no virtual host", `"*.test"`, "has not sent"}},
		"sent, and not matching":         {Unserved{Last: answer(404, ""), domain: "h.test", states: synced}, []string{"is not known"}},
		"nobody may ask":                 {Unserved{Last: answer(404, ""), unasked: unasked}, []string{"is not known"}},
		"routes could not be asked":      {Unserved{Last: answer(404, ""), unasked: askedNot, states: synced}, []string{"is not known"}},
		"a 404 of the backend's":         {Unserved{Last: answer(404, "", upstreamTime), states: synced}, []string{"behind the gateway"}},
		"no endpoint":                    {Unserved{Last: answer(503, "no healthy upstream")}, []string{"no endpoint"}},
		"the backend is away":            {Unserved{Last: answer(503, "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure")}, []string{"remote connection failure"}},
		"a 503 without a word":           {Unserved{Last: answer(503, "")}, []string{"is not known"}},
		"stale, connected":               {Unserved{Stale: true, Last: answer(200, "old"), states: synced}, []string{"before the change", "has not sent"}},
		"PROXY protocol":                 {Unserved{Last: closed, listener: &envoy.Listener{Port: 80, ListenerFilters: []string{"envoy.filters.listener.proxy_protocol"}, NetworkFilters: web.NetworkFilters}, states: synced}, []string{"PROXY"}},
		"TCP has the port":               {Unserved{Last: closed, listener: &envoy.Listener{Port: 80, NetworkFilters: []string{"envoy.filters.network.tcp_proxy"}}, states: synced}, []string{"does not read HTTP"}},
		"no listener, not sent":          {Unserved{Last: probe.Response{Class: probe.Refused, Err: syscall.ECONNREFUSED}, states: synced}, []string{"no listener", "has not sent"}},
		"closed, and the listener is on": {Unserved{Last: closed, listener: web, states: synced}, []string{"is not known"}},
		"nobody may ask for listeners":   {Unserved{Last: closed, unasked: unasked}, []string{"is not known"}},
		"the listener waits":             {Unserved{Last: closed, listener: &envoy.Listener{Port: 80, Warming: true}}, []string{"not in use yet"}},
		"the listener is refused":        {Unserved{Last: closed, listener: &envoy.Listener{Port: 80, Refused: "bind"}}, []string{"refuses the newest listener", "bind"}},
		"no time left":                   {Unserved{Last: probe.Response{Class: probe.Cancelled}, states: synced}, []string{"is not known"}},
		"another's certificate": {Unserved{Secure: true, Last: probe.Response{Class: probe.TLSFailed, Err: x509.UnknownAuthorityError{Cert: &x509.Certificate{Issuer: pkix.Name{CommonName: "other"}}}}},
			[]string{"not the Secret's", "other"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			c.seen.Host, c.seen.pod = "h.test", "istio-ingress/gw"
			cause, fix, link := c.seen.explain()
			for _, words := range c.says {
				g.Expect(cause).To(gomega.ContainSubstring(words))
			}
			for _, claim := range claims {
				if strings.Contains(cause, claim) {
					g.Expect(c.says).To(gomega.ContainElement(claim), "%q claims what was not seen", cause)
				}
			}
			g.Expect(cause).To(gomega.ContainSubstring("h.test"))
			g.Expect(fix).NotTo(gomega.BeEmpty())
			g.Expect(link).To(gomega.HavePrefix("https://"))
		})
	}
}

func TestAGatewayWithoutAPodIsTheCause(t *testing.T) {
	cause, _, _ := (&Unserved{Host: "h.test", Last: closed}).explain()
	gomega.NewWithT(t).Expect(cause).To(gomega.ContainSubstring("none of its pods is ready"))
}
