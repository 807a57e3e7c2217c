package diagnose

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// observeAttachments makes a record of each Gateway that a VirtualService names.
func (w *world) observeAttachments(vs *object, name, file string) {
	for _, gateway := range texts(vs.Object, "spec", "gateways") {
		if gateway == "mesh" {
			continue
		}
		namespace, gatewayName := gatewayName(vs, gateway)
		status, exported, offered := missing, "", ""
		switch g := w.gateway(namespace, gatewayName); {
		case g != nil:
			status, offered = ok, strings.Join(hostsOf(g), ", ")
			if !takesAny(g, vs) {
				status = "no-host"
			} else if hidden, to := w.hidden(vs, w.podsOf("", labelsAt(g.Object, "spec", "selector"))); hidden {
				status, exported = "hidden", to
			}
		case !w.listed(namespace, servicesKind) && w.hasNamespace(namespace), w.unread(gatewaysKind, namespace):
			status = unknown // that namespace was not looked at
		}
		w.add("attachment", file, fmt.Sprintf("VirtualService %s names Gateway %s/%s", name, namespace, gatewayName),
			"virtualservice", name, "ns", vs.GetNamespace(), "gateway", id(namespace, gatewayName), "status", status, "exportTo", exported,
			"hosts", strings.Join(texts(vs.Object, "spec", "hosts"), ", "), "gatewayHosts", offered)
	}
}

// gatewayName is what a VirtualService means by the name of a Gateway.
func gatewayName(vs *object, name string) (namespace, rest string) {
	namespace, rest, qualified := strings.Cut(name, "/")
	if !qualified || namespace == "." {
		return vs.GetNamespace(), strings.TrimPrefix(name, "./")
	}
	return namespace, rest
}

func (w *world) gateway(namespace, name string) *object {
	i := slices.IndexFunc(w.others[gatewaysKind], func(g object) bool { return g.GetNamespace() == namespace && g.GetName() == name })
	if i < 0 {
		return nil
	}
	return &w.others[gatewaysKind][i]
}

// gatewaysOf returns the gateway pods that a VirtualService's Gateways select.
func (w *world) gatewaysOf(vs *object) []*corev1.Pod {
	var pods []*corev1.Pod
	for _, name := range texts(vs.Object, "spec", "gateways") {
		if g := w.gateway(gatewayName(vs, name)); g != nil {
			pods = append(pods, w.podsOf("", labelsAt(g.Object, "spec", "selector"))...)
		}
	}
	return pods
}

// hostsOf are the hosts of all servers of a Gateway.
func hostsOf(g *object) []string {
	var hosts []string
	for _, server := range list(g.Object, "spec", "servers") {
		hosts = append(hosts, texts(server, "hosts")...)
	}
	return hosts
}

// takesAny says whether a Gateway takes one of the hosts of a VirtualService: a server's
// host may have a namespace before it, from which alone it is taken.
// Source: https://istio.io/latest/docs/reference/config/networking/gateway/#Server-hosts
func takesAny(g, vs *object) bool {
	for _, offered := range hostsOf(g) {
		namespace, host, qualified := strings.Cut(offered, "/")
		if !qualified {
			namespace, host = "*", offered
		}
		if namespace == "." {
			namespace = g.GetNamespace()
		}
		if namespace != "*" && namespace != vs.GetNamespace() {
			continue
		}
		if slices.ContainsFunc(texts(vs.Object, "spec", "hosts"), func(h string) bool {
			return overlap(host, h) || !strings.Contains(h, ".") && overlap(host, h+"."+vs.GetNamespace()+clusterDomain)
		}) {
			return true
		}
	}
	return false
}

// overlap says whether two hosts, of which each may begin with a star, have a name in
// common.
func overlap(a, b string) bool {
	if a == b || a == "*" || b == "*" {
		return true
	}
	wideA, wideB := strings.HasPrefix(a, "*"), strings.HasPrefix(b, "*")
	switch {
	case wideA && wideB:
		return strings.HasSuffix(a[1:], b[1:]) || strings.HasSuffix(b[1:], a[1:])
	case wideA:
		return strings.HasSuffix(b, a[1:])
	case wideB:
		return strings.HasSuffix(a, b[1:])
	}
	return false
}

// redirect is "nowhere" for a server that sends every request on to https, where all
// servers of the same pods that have one of its hosts do the same.
func (w *world) redirect(server map[string]any, pods []*corev1.Pod) string {
	if str(server, "tls", "httpsRedirect") != "true" || len(pods) == 0 || w.unread(gatewaysKind) ||
		len(w.others[apiGatewaysKind])+len(w.others["ingresses.networking.k8s.io"]) > 0 {
		return "" // others may serve the hosts too, in a way that is not looked at here
	}
	for i := range w.others[gatewaysKind] {
		g := &w.others[gatewaysKind][i]
		selector := labelsAt(g.Object, "spec", "selector")
		if len(selector) > 0 && !slices.ContainsFunc(pods, func(p *corev1.Pod) bool { return selects(selector, p.Labels) }) {
			continue
		}
		for _, other := range list(g.Object, "spec", "servers") {
			if str(other, "tls", "httpsRedirect") == "true" {
				continue
			}
			for _, host := range texts(other, "hosts") {
				if slices.ContainsFunc(texts(server, "hosts"), func(h string) bool { return overlap(bare(h), bare(host)) }) {
					return "somewhere"
				}
			}
		}
	}
	return "nowhere"
}

// bare is a server's host without the namespace before it.
func bare(host string) string {
	return host[strings.Index(host, "/")+1:]
}

// resolution is that of the ServiceEntry that has a host; empty for none.
func (w *world) resolution(host string) string {
	for i := range w.others[entriesKind] {
		e := &w.others[entriesKind][i]
		if slices.Contains(texts(e.Object, "spec", "hosts"), host) {
			if resolution := str(e.Object, "spec", "resolution"); resolution != "" {
				return resolution
			}
			return "NONE"
		}
	}
	return ""
}

// subsetStatus says whether a subset is defined and has pods. Where gateways use the
// route a rule counts only if they get it: hidden is a subset that only rule defines,
// which they do not get.
// Overridden is one that the rule which decides for them does not have.
// Source: https://istio.io/latest/docs/ops/best-practices/traffic-management/#cross-namespace-configuration
func (w *world) subsetStatus(service, status, subset, namespace string, gateways []*corev1.Pod) (state, rule string) {
	if subset == "" {
		return "none", ""
	}
	if status != ok {
		return unknown, ""
	}
	ns, name := split(service)
	if decider := w.override(service, subset, gateways); decider != "" {
		return "overridden", decider
	}
	hidden := ""
	for i := range w.others[rulesKind] {
		dr := &w.others[rulesKind][i]
		if target, _ := w.resolve(str(dr.Object, "spec", "host"), dr.GetNamespace()); target != service {
			continue
		}
		for _, s := range list(dr.Object, "spec", "subsets") {
			if str(s, "name") != subset {
				continue
			}
			if len(gateways) > 0 && !slices.ContainsFunc(gateways, func(p *corev1.Pod) bool { return w.gets(dr, p.Namespace, ns) }) {
				hidden = id(dr.GetNamespace(), dr.GetName())
				continue
			}
			svc := w.service(ns, name)
			if svc == nil || len(svc.Spec.Selector) == 0 || !w.listed(ns, podsKind) {
				return ok, ""
			}
			labels := labelsAt(s, "labels")
			if slices.ContainsFunc(w.podsOf(ns, svc.Spec.Selector), func(p *corev1.Pod) bool { return selects(labels, p.Labels) }) {
				return ok, ""
			}
			return "no-pods", ""
		}
	}
	if w.unread(rulesKind) {
		return unknown, ""
	}
	// A rule for it may lie in the service's, the client's or the root namespace.
	for _, place := range []string{ns, namespace, systemMeshNS} {
		if !w.listed(place, servicesKind) {
			return unknown, ""
		}
	}
	if hidden != "" {
		return "hidden", hidden
	}
	return missing, ""
}

// gets says whether clients in a namespace use a DestinationRule for a Service: it lies
// in their namespace, the Service's or the root, and is exported to them.
func (w *world) gets(dr *object, client, service string) bool {
	place := dr.GetNamespace()
	if place != client && place != service && place != systemMeshNS {
		return false
	}
	to := texts(dr.Object, "spec", "exportTo")
	if len(to) == 0 {
		for _, c := range w.meshes {
			to = texts(c.values, "defaultDestinationRuleExportTo")
		}
	}
	return len(to) == 0 || slices.Contains(to, "*") || slices.Contains(to, client) || slices.Contains(to, ".") && place == client
}
