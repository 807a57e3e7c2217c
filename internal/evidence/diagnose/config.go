package diagnose

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Kinds of Istio's configuration, as the evidence names them.
const (
	gatewaysKind  = "gateways.networking.istio.io"
	routesKind    = "virtualservices.networking.istio.io"
	rulesKind     = "destinationrules.networking.istio.io"
	entriesKind   = "serviceentries.networking.istio.io"
	peersKind     = "peerauthentications.security.istio.io"
	netpolKind    = "networkpolicies.networking.k8s.io"
	httpRouteKind = "httproutes.gateway.networking.k8s.io"
	// The Gateway API's kind of the same name.
	apiGatewaysKind = "gateways.gateway.networking.k8s.io"
	secretsKind     = "secrets"
	servicesKind    = "services"
	podsKind        = "pods"
	ok              = "ok"
	missing         = "missing"
	unknown         = "unknown"
	systemMeshNS    = "istio-system"
	clusterDomain   = ".svc.cluster.local"
)

// observeGateways makes records of Istio's Gateways and their servers.
func (w *world) observeGateways() {
	lost := w.losers()
	for _, g := range w.others[gatewaysKind] {
		name, file := id(g.GetNamespace(), g.GetName()), fileOf(g.GetNamespace(), gatewaysKind)
		selector := labelsAt(g.Object, "spec", "selector")
		pods := w.podsOf("", selector)
		if len(selector) == 0 {
			// Without a selector it applies to every gateway.
			for i := range w.pods {
				if role(&w.pods[i]) == "gateway" {
					pods = append(pods, &w.pods[i])
				}
			}
		}
		n := strconv.Itoa(len(pods))
		if n == "0" && w.unread(podsKind) {
			n = unknown
		}
		w.add("gateway", file, fmt.Sprintf("Gateway %s: selector {%s} matches %s pods", name, labelText(selector), n),
			"gateway", name, "ns", g.GetNamespace(), "selector", labelText(selector), "pods", n,
			"scoped", yes(len(pods) > 0 && !slices.ContainsFunc(pods, func(p *corev1.Pod) bool { return !w.scoped(g.GetNamespace(), p) })))
		for _, server := range list(g.Object, "spec", "servers") {
			w.observeServer(name, file, g.GetNamespace(), labelText(selector), server, pods, lost[serverKey(name, server)])
		}
	}
}

func (w *world) observeServer(gateway, file, namespace, selector string, server map[string]any, pods []*corev1.Pod, l loss) {
	port, credential := str(server, "port", "number"), str(server, "tls", "credentialName")
	secret := "none"
	if credential != "" {
		secret = w.secretState(credential, str(server, "tls", "mode"), pods)
	}
	redirect := w.redirect(server, pods)
	w.add("server", file, fmt.Sprintf("Gateway %s: port %s %s, tls mode %q, credentialName %q (%s)%s", gateway, port, str(server, "port", "protocol"), str(server, "tls", "mode"), credential, secret, l.describe()),
		"gateway", gateway, "ns", namespace, "port", port, "protocol", str(server, "port", "protocol"), "mode", str(server, "tls", "mode"),
		"credential", credential, "secret", secret, "exposed", w.exposed(port, pods), "selector", selector,
		"lost", l.why, "winner", l.winner, "winnerProtocol", l.winnerProtocol, "lostHost", l.host, "redirect", redirect, "hosts", strings.Join(texts(server, "hosts"), ", "))
}

// secretState says whether the gateway's pods can serve a credential: it lies in
// their own namespace. A server of mode MUTUAL wants a CA too, in the same Secret or in
// one named <credential>-cacert. Source: Istio, "Secure Gateways".
func (w *world) secretState(credential, mode string, pods []*corev1.Pod) string {
	if len(pods) == 0 || strings.Contains(credential, "://") {
		return unknown
	}
	namespace := pods[0].Namespace
	if !w.listed(namespace, secretsKind) {
		return unknown
	}
	for _, s := range w.others[secretsKind] {
		if s.GetNamespace() != namespace || s.GetName() != credential {
			continue
		}
		keys := labelsAt(s.Object, "data")
		if strings.HasSuffix(mode, "MUTUAL") && keys["ca.crt"] == "" && keys["cacert"] == "" && !w.hasSecret(namespace, credential+"-cacert") {
			return "no-ca"
		}
		if (keys["tls.crt"] == "" || keys["tls.key"] == "") && (keys["cert"] == "" || keys["key"] == "") {
			return "no-certificate"
		}
		for _, key := range []string{"tls.crt", "cert"} {
			if chain := list(s.Object, "certificates", key); len(chain) > 0 {
				if until, err := time.Parse(time.RFC3339, str(chain[0], "notAfter")); err == nil && until.Before(w.now) {
					return "expired"
				}
			}
		}
		return ok
	}
	return missing
}

func (w *world) hasSecret(namespace, name string) bool {
	return slices.ContainsFunc(w.others[secretsKind], func(s unstructured.Unstructured) bool {
		return s.GetNamespace() == namespace && s.GetName() == name
	})
}

// exposed says whether a Service of the gateway's pods has the port.
func (w *world) exposed(port string, pods []*corev1.Pod) string {
	answer := unknown
	for i := range w.services {
		s := &w.services[i]
		if len(s.Spec.Selector) == 0 || !slices.ContainsFunc(pods, func(p *corev1.Pod) bool { return p.Namespace == s.Namespace && selects(s.Spec.Selector, p.Labels) }) {
			continue
		}
		answer = "false"
		for _, p := range s.Spec.Ports {
			if strconv.Itoa(int(p.Port)) == port || p.TargetPort.String() == port {
				return "true"
			}
		}
	}
	return answer
}

// observeRoutes makes records of where VirtualServices lead.
func (w *world) observeRoutes() {
	for i := range w.others[routesKind] {
		vs := &w.others[routesKind][i]
		name, file := id(vs.GetNamespace(), vs.GetName()), fileOf(vs.GetNamespace(), routesKind)
		w.observeAttachments(vs, name, file)
		for _, kind := range []string{"http", "tls", "tcp"} {
			for _, rule := range list(vs.Object, "spec", kind) {
				for _, route := range append(list(rule, "route"), mirror(rule)...) {
					if destination, is := route["destination"].(map[string]any); is {
						w.observeRoute(vs, name, file, kind, destination)
					}
				}
			}
		}
	}
}

func mirror(rule map[string]any) []map[string]any {
	if m, is := rule["mirror"].(map[string]any); is {
		return []map[string]any{{"destination": m}}
	}
	return nil
}

func (w *world) observeRoute(vs *unstructured.Unstructured, name, file, kind string, destination map[string]any) {
	host, subset, port := str(destination, "host"), str(destination, "subset"), str(destination, "port", "number")
	service, status := w.resolve(host, vs.GetNamespace())
	portStatus, protocol := unknown, unknown
	if s := w.service(split(service)); s != nil && status == ok {
		portStatus = missing
		for _, p := range s.Spec.Ports {
			if port == "" && len(s.Spec.Ports) == 1 || strconv.Itoa(int(p.Port)) == port {
				portStatus, protocol = ok, declared(p)
			}
		}
		if port == "" && len(s.Spec.Ports) > 1 {
			portStatus = unknown
		}
		if port == "" && len(s.Spec.Ports) == 1 {
			port = strconv.Itoa(int(s.Spec.Ports[0].Port))
		}
	} else if status == ok {
		protocol = w.entryProtocol(host, port)
	}
	pods := w.gatewaysOf(vs)
	state, rule := w.subsetStatus(service, status, subset, vs.GetNamespace(), pods)
	w.add("route", file, fmt.Sprintf("VirtualService %s: %s route to host %s, subset %q, port %q", name, kind, host, subset, port),
		"virtualservice", name, "ns", vs.GetNamespace(), "kind", kind, "destination", host, "service", service, "status", status,
		"subset", subset, "subsetStatus", state, "rule", rule, "port", port, "portStatus", portStatus, "declared", protocol,
		"resolution", w.resolution(host), "gateways", strconv.Itoa(len(pods)), "mesh", yes(ofMesh(vs)), "originates", yes(w.originates(service, host, port)), "failing", yes(w.failing(service, host, port)), "hosts", strings.Join(texts(vs.Object, "spec", "hosts"), " "))
}

// ofMesh says whether a VirtualService applies to sidecars.
func ofMesh(vs *unstructured.Unstructured) bool {
	gateways := texts(vs.Object, "spec", "gateways")
	return len(gateways) == 0 || slices.Contains(gateways, "mesh")
}

func split(name string) (namespace, rest string) {
	namespace, rest, _ = strings.Cut(name, "/")
	return namespace, rest
}

// resolve finds what a host stands for: a Service, as "namespace/name", or an entry
// of the mesh's registry. A short name belongs to the namespace of who says it.
func (w *world) resolve(host, namespace string) (service, status string) {
	name := strings.TrimSuffix(host, clusterDomain)
	short := !strings.Contains(host, ".")
	parts := strings.Split(name, ".")
	switch {
	case strings.HasPrefix(host, "*"):
		// Many hosts, of which none need be there.
		return host, unknown
	case short:
		service = id(namespace, name)
	case len(parts) < 2:
		service = ""
	case len(parts) == 2 || len(parts) == 3 && parts[2] == "svc" || strings.HasSuffix(host, clusterDomain):
		service = id(parts[1], parts[0])
	default:
		service = ""
	}
	for _, e := range w.others[entriesKind] {
		for _, h := range texts(e.Object, "spec", "hosts") {
			if h == host || strings.HasPrefix(h, "*") && strings.HasSuffix(host, strings.TrimPrefix(h, "*")) {
				return service, ok
			}
		}
	}
	if w.unread(entriesKind) {
		return service, unknown // one of them may have the host
	}
	if service == "" {
		return host, w.unlessUnknown(missing)
	}
	ns, svc := split(service)
	switch {
	case w.service(ns, svc) != nil:
		return service, ok
	case w.listed(ns, servicesKind), w.whole["cluster/namespaces.yaml"] && !w.hasNamespace(ns):
		return service, missing
	}
	return service, unknown
}

// unlessUnknown withholds a "missing" while not all namespaces were looked at: the
// host may be an entry of one of those.
func (w *world) unlessUnknown(status string) string {
	for i := range w.namespaces {
		if !w.listed(w.namespaces[i].Name, servicesKind) {
			return unknown
		}
	}
	return status
}
