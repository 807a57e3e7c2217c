package diagnose

import (
	"fmt"
	"slices"
	"strings"
)

// observeRouteKinds makes a record of each VirtualService none of whose kinds of routes
// a Gateway asks that it names: a server that ends TLS or speaks HTTP asks http routes,
// one that passes TLS through tls routes, all others tcp routes.
// Source: istio.io/istio/pilot/pkg/networking/core, createGatewayHTTPFilterChainOpts and createGatewayTCPFilterChainOpts.
func (w *world) observeRouteKinds() {
	for i := range w.others[routesKind] {
		vs := &w.others[routesKind][i]
		var has []string
		for _, kind := range []string{"http", "tls", "tcp"} {
			if len(list(vs.Object, "spec", kind)) > 0 {
				has = append(has, kind)
			}
		}
		for _, gateway := range texts(vs.Object, "spec", "gateways") {
			if g := w.gateway(gatewayName(vs, gateway)); gateway != "mesh" && g != nil {
				w.observeRouteKind(vs, g, has)
			}
		}
	}
}

func (w *world) observeRouteKind(vs, g *object, has []string) {
	asked, servers := "", ""
	for _, server := range list(g.Object, "spec", "servers") {
		if !serverTakes(server, g, vs) {
			continue
		}
		kind := askedBy(server)
		if slices.Contains(has, kind) {
			return
		}
		asked, servers = kind, serverWords(server)
	}
	if asked == "" || len(has) == 0 {
		return
	}
	name := id(vs.GetNamespace(), vs.GetName())
	w.add("routekind", fileOf(vs.GetNamespace(), routesKind), fmt.Sprintf("VirtualService %s has %s routes, Gateway %s asks %s routes", name, strings.Join(has, " and "), id(g.GetNamespace(), g.GetName()), asked),
		"virtualservice", name, "ns", vs.GetNamespace(), "gateway", id(g.GetNamespace(), g.GetName()), "has", strings.Join(has, " and "), "asked", asked, "server", servers, "hosts", strings.Join(texts(vs.Object, "spec", "hosts"), " "))
}

// askedBy is the kind of routes that a server of a Gateway asks.
func askedBy(server map[string]any) string {
	protocol, mode := strings.ToUpper(str(server, "port", "protocol")), str(server, "tls", "mode")
	switch protocol {
	case "HTTP", "HTTP2", "GRPC", "GRPC-WEB":
		return "http"
	case "HTTPS", "TLS":
		switch {
		case strings.HasSuffix(mode, "PASSTHROUGH"), at(server, "tls") == nil, mode == "" && protocol == "TLS":
			return "tls"
		case protocol == "HTTPS":
			return "http"
		}
	}
	return "tcp"
}

// serverWords says what a server is.
func serverWords(server map[string]any) string {
	words := "port " + str(server, "port", "number") + " " + str(server, "port", "protocol")
	if mode := str(server, "tls", "mode"); mode != "" {
		words += " with tls mode " + mode
	}
	return words
}

// serverTakes says whether a server of a Gateway has one of a VirtualService's hosts.
func serverTakes(server map[string]any, g, vs *object) bool {
	only := object{Object: map[string]any{"spec": map[string]any{"servers": []any{server}}}}
	only.SetNamespace(g.GetNamespace())
	return takesAny(&only, vs)
}

// observeHandshakes makes a record of each name that clients asked a gateway for by TLS
// and that none of its servers has: such a connection is closed without an answer.
// Source: https://istio.io/latest/docs/tasks/traffic-management/ingress/secure-ingress/#sni-routing
func (w *world) observeHandshakes() {
	seen := map[string]bool{}
	for _, r := range slices.Clone(w.records["access"]) {
		f := r.Fields
		pod := w.pod(split(f["pod"]))
		if pod == nil || f["role"] != "gateway" || f["details"] != "filter_chain_not_found" || seen[f["sni"]] || len(w.others[apiGatewaysKind]) > 0 {
			continue
		}
		seen[f["sni"]] = true
		hosts := w.tlsHosts(pod.Labels)
		if len(hosts) == 0 || slices.ContainsFunc(hosts, func(h string) bool { return overlap(h, f["sni"]) }) {
			continue // there is no TLS any more, or the name has been added
		}
		asked := "for " + f["sni"] + " by TLS"
		if f["sni"] == "" {
			asked = "without a server name, that is without TLS or by an address"
		}
		w.add("handshake", r.File, r.Text, "pod", f["pod"], "asked", asked, "source", f["source"], "hosts", strings.Join(hosts, ", "))
	}
}

// tlsHosts are the hosts of the servers of a gateway's pods that speak TLS.
func (w *world) tlsHosts(labels map[string]string) []string {
	var hosts []string
	for _, g := range w.others[gatewaysKind] {
		if !selects(labelsAt(g.Object, "spec", "selector"), labels) {
			continue
		}
		for _, server := range list(g.Object, "spec", "servers") {
			if at(server, "tls") == nil || str(server, "tls", "httpsRedirect") == "true" {
				continue
			}
			for _, host := range texts(server, "hosts") {
				hosts = append(hosts, bare(host))
			}
		}
	}
	return hosts
}
