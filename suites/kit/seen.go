package kit

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"istio-conformance/internal/traffic/probe"
)

// Where a cause that was seen is explained.
const (
	linkPolicy  = "https://istio.io/latest/docs/ops/common-problems/security-issues/"
	linkNetwork = "https://istio.io/latest/docs/ops/common-problems/network-issues/"
	linkProxy   = "https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/"
	linkTLS     = "https://istio.io/latest/docs/ops/common-problems/network-issues/#tls-configuration-mistakes"
	linkProxied = "https://istio.io/latest/docs/ops/configuration/traffic-management/network-topologies/"
)

// Ways to find out more, where the cause is not known.
const (
	fixPushed    = "look at istiod's log and at what it says of its proxies, and at the gateway's log and configuration, all in the evidence"
	fixNotMade   = "look at the VirtualService's hosts, gateways and exportTo, at the Gateway's selector, port and hosts, and whether another Gateway has the port: istio-conformance diagnose"
	fixAccessLog = "look for the request in the gateway's access log in the evidence, where access logs are on"
)

// upstreamTime is the header by which Envoy's router says that the answer came from
// behind it. https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter
const upstreamTime = "X-Envoy-Upstream-Service-Time"

// explain says what was seen, and of the cause only what that shows.
func (u *Unserved) explain() (cause, fix, link string) {
	switch {
	case u.Last.Class == probe.Cancelled:
		return "the check's time ended while it waited for an answer for " + u.Host + ": the cause is not known", fixAccessLog, linkNetwork
	case u.pod == "" && u.unasked["gateway"] == "":
		return fmt.Sprintf("the gateway does not serve %s (%s): none of its pods is ready", u.Host, u.Last), "look at the gateway's pods and events in the evidence", linkNetwork
	case u.Last.Status != 0 && u.Last.Err == nil:
		return u.answered()
	default:
		return u.unanswered()
	}
}

// answered is for a whole answer. Envoy writes into the body of its own answers why it
// made them.
func (u *Unserved) answered() (cause, fix, link string) {
	body, who := short(u.Last), "the gateway"
	behind := u.Last.Headers.Get(upstreamTime) != ""
	if behind {
		who = "something behind the gateway"
	}
	said := strings.TrimSpace(fmt.Sprintf("%s answers %d %s", who, u.Last.Status, body)) + " for " + u.Host
	switch status := u.Last.Status; {
	case status == http.StatusForbidden && body == "RBAC: access denied":
		return said + ": Envoy's RBAC filter, which istiod makes of AuthorizationPolicies, refuses the request",
			"kubectl get authorizationpolicies -A: one in the root namespace or in the gateway's namespace applies to the gateway", linkPolicy
	case status == http.StatusUnauthorized && (strings.HasPrefix(body, "Jw") || strings.HasPrefix(body, "Audiences")):
		return said + ": Envoy's JWT filter, which istiod makes of RequestAuthentications, refuses the request",
			"kubectl get requestauthentications -A: one in the root namespace or in the gateway's namespace applies to the gateway", linkPolicy
	case status == http.StatusOK && u.Stale:
		return "the gateway still answers for " + u.Host + " as before the change: " + u.pushed("the newest route"), fixPushed, linkProxy
	case status == http.StatusNotFound && !behind:
		return u.unknownHost()
	case strings.HasPrefix(body, "no healthy upstream"):
		return said + ": no endpoint of the route's destination is healthy", "look at the destination's Service, its EndpointSlices, and the gateway's clusters in the evidence", linkNetwork
	case strings.HasPrefix(body, "upstream connect error"):
		return said + ": the gateway takes the request and gets no answer from the route's destination", fixAccessLog, linkNetwork
	case behind:
		return said + ": the gateway serves the route and passes the answer on", "look at the log of what is behind the route", linkNetwork
	default:
		return said + ": why is not known", fixAccessLog, linkNetwork
	}
}

// unknownHost is for a 404 of the gateway's own.
func (u *Unserved) unknownHost() (cause, fix, link string) {
	said := "the gateway answers 404 for " + u.Host
	switch {
	case u.unasked["gateway"]+u.unasked["routes"] != "":
		return said + ": why is not known, since its Envoy could not be asked for its routes", fixPushed, linkProxy
	case u.domain == u.Host:
		return said + ", although its Envoy has a virtual host of that name: why is not known", "look at the virtual host's routes in the gateway's config dump in the evidence", linkProxy
	case u.domain != "":
		return fmt.Sprintf("%s: its Envoy has no virtual host of that name, and %q takes the request; %s", said, u.domain, u.pushed("a route for the host")), fixNotMade, linkProxy
	default:
		return said + ": its Envoy has no route for the host, and " + u.pushed("a route for the host"), fixNotMade, linkProxy
	}
}

// unanswered is for a request without a whole answer.
func (u *Unserved) unanswered() (cause, fix, link string) {
	said := fmt.Sprintf("no answer for %s: %s", u.Host, u.Last)
	var authority x509.UnknownAuthorityError
	switch l := u.listener; {
	case errors.As(u.Last.Err, &authority) && authority.Cert != nil:
		return fmt.Sprintf("the gateway shows a certificate that is not the Secret's for %s: it was issued by %q", u.Host, authority.Cert.Issuer),
			"compare the gateway's secrets with the Secret: istioctl proxy-config secret", "https://istio.io/latest/docs/tasks/traffic-management/ingress/secure-ingress/"
	case u.unasked["gateway"]+u.unasked["listeners"] != "":
		return said + "; why is not known, since the gateway's Envoy could not be asked for its listeners", fixPushed, linkNetwork
	case l == nil:
		return fmt.Sprintf("%s; the gateway's Envoy has no listener on port %d, and %s", said, u.port(), u.pushed("one")), fixNotMade, linkProxy
	case l.Refused != "":
		return fmt.Sprintf("%s; the gateway's Envoy refuses the newest listener for port %d: %s", said, u.port(), l.Refused), fixPushed, linkProxy
	case l.Warming:
		return fmt.Sprintf("%s; the gateway's listener on port %d is not in use yet: Envoy still waits for a part of its configuration", said, u.port()), fixPushed, linkProxy
	case l.Expects("proxy_protocol") && u.Last.Class == probe.Closed:
		return fmt.Sprintf("%s; the gateway's listener on port %d expects the header of the PROXY protocol, which this client does not send", said, u.port()),
			"take proxyProtocol out of gatewayTopology (meshConfig.defaultConfig, or the gateway's annotation proxy.istio.io/config), unless a load balancer in front of the gateway sends it", linkProxied
	case !u.Secure && !l.Reads("http_connection_manager"):
		return fmt.Sprintf("%s; the gateway's listener on port %d does not read HTTP, only %s", said, u.port(), strings.Join(l.NetworkFilters, ", ")),
			"look for a Gateway that has the port with protocol TCP or TLS: of two that cannot be merged the older one wins", "https://istio.io/latest/docs/reference/config/networking/gateway/"
	case u.Last.Class == probe.TLSFailed:
		return fmt.Sprintf("TLS with the gateway fails for %s: %v", u.Host, u.Last.Err), "look for the host's server name and secret in the gateway's config dump, and for the credentialName in istiod's log, both in the evidence", linkTLS
	default:
		return fmt.Sprintf("%s; why is not known: the gateway's Envoy has an HTTP listener on port %d", said, u.port()),
			"look for the request in the gateway's access log in the evidence; one that is not there did not reach it: compare the Service's selector, ports and EndpointSlices with the gateway's pods", linkNetwork
	}
}

// pushed says, as istiod sees it, why the gateway lacks something.
func (u *Unserved) pushed(what string) string {
	if u.unasked["istiod"] != "" {
		return "istiod could not be asked whether it sent " + what + ": " + u.unasked["istiod"]
	}
	if len(u.states) == 0 {
		return "no ready istiod has a connection to the gateway's proxy"
	}
	for _, proxy := range u.states {
		if lacks := proxy.Unsynced(); len(lacks) > 0 {
			return "the gateway's proxy " + proxy.ID + " has not accepted all that istiod sent: " + strings.Join(lacks, "; ")
		}
	}
	return "it has accepted all that istiod sent: istiod has not sent " + what
}

// short is the beginning of a body that is text, in one line.
func short(r probe.Response) string {
	if !utf8.Valid(r.Body) {
		return ""
	}
	text := strings.Join(strings.Fields(string(r.Body)), " ")
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + " ..."
	}
	return text
}
