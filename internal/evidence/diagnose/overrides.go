package diagnose

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// override returns the DestinationRule of the gateways' own namespace that decides for a
// Service, where none there defines a subset: as long as a client's namespace has a rule
// for a host, rules of other namespaces are not asked. Empty where it is not so.
// Source: istio.io/istio/pilot/pkg/model, PushContext.destinationRule.
func (w *world) override(service, subset string, gateways []*corev1.Pod) string {
	ns, name := split(service)
	decider := ""
	for _, pod := range gateways {
		if pod.Namespace == ns || pod.Namespace == systemMeshNS {
			return "" // with the Service's own rules, or those of the root namespace
		}
		here := ""
		for i := range w.others[rulesKind] {
			dr := &w.others[rulesKind][i]
			if dr.GetNamespace() != pod.Namespace || !w.rulesHost(dr, service, name+"."+ns+clusterDomain) {
				continue
			}
			if slices.ContainsFunc(list(dr.Object, "spec", "subsets"), func(s map[string]any) bool { return str(s, "name") == subset }) {
				return ""
			}
			here = id(dr.GetNamespace(), dr.GetName())
		}
		if here == "" {
			return ""
		}
		decider = here
	}
	return decider
}

// rulesHost says whether a DestinationRule is for a Service, by its name or by a star.
func (w *world) rulesHost(dr *object, service, whole string) bool {
	host := str(dr.Object, "spec", "host")
	if strings.HasPrefix(host, "*") {
		return overlap(host, whole)
	}
	target, _ := w.resolve(host, dr.GetNamespace())
	return target == service
}

// observeForced makes a record of each failure for which a DestinationRule is the reason
// that the proxy spoke HTTP/2: h2UpgradePolicy, on a port that declares HTTP/1.1.
// Source: https://istio.io/latest/docs/reference/config/networking/destination-rule/#ConnectionPoolSettings-HTTPSettings-H2UpgradePolicy
func (w *world) observeForced() {
	seen := map[string]bool{}
	for _, r := range slices.Clone(w.records["access"]) {
		f := r.Fields
		parts := strings.Split(f["cluster"], "|")
		if f["past"] == "true" || len(parts) != 4 || seen[f["cluster"]] || !brokenSpeech(f) {
			continue
		}
		for i := range w.others[rulesKind] {
			dr := &w.others[rulesKind][i]
			name := strings.Split(strings.TrimSuffix(parts[3], clusterDomain), ".")
			if str(dr.Object, "spec", "trafficPolicy", "connectionPool", "http", "h2UpgradePolicy") != "UPGRADE" || len(name) != 2 || !w.rulesHost(dr, id(name[1], name[0]), parts[3]) {
				continue
			}
			if s := w.service(name[1], name[0]); s == nil || !declaresHTTP1(s, parts[1]) {
				continue
			}
			seen[f["cluster"]] = true
			w.add("forced", r.File, r.Text, "rule", id(dr.GetNamespace(), dr.GetName()), "ns", dr.GetNamespace(), "service", id(name[1], name[0]), "port", parts[1],
				"host", f["host"], "status", f["status"], "flags", f["flags"], "pod", f["pod"], "details", f["details"])
		}
	}
}

// brokenSpeech says whether a request failed because the two sides did not understand
// each other.
func brokenSpeech(f map[string]string) bool {
	if strings.Contains(f["details"], "protocol_error") || strings.Contains(f["details"], "upstream_reset") {
		return true
	}
	return strings.Contains(f["flags"], "UPE")
}

func declaresHTTP1(s *corev1.Service, port string) bool {
	return slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool {
		return strconv.Itoa(int(p.Port)) == port && declared(p) == "http"
	})
}

// entryProtocol is what a ServiceEntry declares of a port of a host, in lower case.
func (w *world) entryProtocol(host, port string) string {
	for _, e := range w.others[entriesKind] {
		if !slices.Contains(texts(e.Object, "spec", "hosts"), host) {
			continue
		}
		for _, p := range list(e.Object, "spec", "ports") {
			if str(p, "number") == port {
				return strings.ToLower(str(p, "protocol"))
			}
		}
	}
	return unknown
}

// originates says whether a DestinationRule lets proxies speak TLS to a port of a
// Service, or of another host: of all ports, of this one or of a subset.
func (w *world) originates(service, host, port string) bool {
	whole := host
	if ns, name := split(service); service != "" {
		whole = name + "." + ns + clusterDomain
	}
	for i := range w.others[rulesKind] {
		dr := &w.others[rulesKind][i]
		of := str(dr.Object, "spec", "host")
		if service == "" && of != host && !strings.HasPrefix(of, "*") || !w.rulesHost(dr, service, whole) {
			continue
		}
		policies := []any{at(dr.Object, "spec", "trafficPolicy")}
		for _, s := range list(dr.Object, "spec", "subsets") {
			policies = append(policies, at(s, "trafficPolicy"))
		}
		for _, p := range policies {
			policy, _ := p.(map[string]any)
			if mode := str(policy, "tls", "mode"); mode == "SIMPLE" || mode == "MUTUAL" {
				return true
			}
			for _, level := range list(policy, "portLevelSettings") {
				if mode := str(level, "tls", "mode"); str(level, "port", "number") == port && (mode == "SIMPLE" || mode == "MUTUAL") {
					return true
				}
			}
		}
	}
	return false
}

// observeExcluded makes a record of each port of pods that is kept from their sidecar
// while requests to it through the mesh fail: clients speak mutual TLS to every port of
// pods that have a sidecar.
// Source: https://istio.io/latest/docs/ops/common-problems/security-issues/ and istio/istio#30311.
func (w *world) observeExcluded() {
	for i := range w.services {
		s := &w.services[i]
		for _, pod := range w.podsOf(s.Namespace, s.Spec.Selector) {
			annotation, port := bypassed(pod, s)
			if annotation == "" || !injected(pod) || w.mutualTLSOf(pod) == "disable" {
				continue
			}
			failure := w.failingTo(s)
			if failure == nil || w.plaintext(id(s.Namespace, s.Name)) {
				continue
			}
			w.add("excluded", failure.File, fmt.Sprintf("Pod %s has the annotation %s; %s", id(pod.Namespace, pod.Name), annotation, failure.Text),
				"pod", id(pod.Namespace, pod.Name), "ns", pod.Namespace, "service", id(s.Namespace, s.Name), "annotation", annotation, "port", port, "status", failure.Fields["status"], "object", failure.Fields["pod"])
			break
		}
	}
}

// bypassed returns the annotation that keeps a target port of a Service from a pod's
// sidecar, and the port.
func bypassed(pod *corev1.Pod, s *corev1.Service) (annotation, port string) {
	const prefix = "traffic.sidecar.istio.io/"
	excluded := strings.FieldsFunc(pod.Annotations[prefix+"excludeInboundPorts"], func(r rune) bool { return r == ',' || r == ' ' })
	included, limited := pod.Annotations[prefix+"includeInboundPorts"]
	taken := strings.FieldsFunc(included, func(r rune) bool { return r == ',' || r == ' ' })
	for _, p := range s.Spec.Ports {
		number := p.TargetPort.String()
		if number == "0" || number == "" {
			number = strconv.Itoa(int(p.Port))
		}
		switch {
		case slices.Contains(excluded, number):
			return prefix + "excludeInboundPorts", number
		case limited && !slices.Contains(taken, "*") && !slices.Contains(taken, number) && p.TargetPort.StrVal == "":
			return prefix + "includeInboundPorts", number
		}
	}
	return "", ""
}

// plaintext says whether a DestinationRule turns mutual TLS off for a Service.
func (w *world) plaintext(service string) bool {
	ns, name := split(service)
	return slices.ContainsFunc(w.others[rulesKind], func(dr object) bool {
		return str(dr.Object, "spec", "trafficPolicy", "tls", "mode") == "DISABLE" && w.rulesHost(&dr, service, name+"."+ns+clusterDomain)
	})
}

// failingTo returns a request for a Service that got no answer of it, if one of now would
// not either.
func (w *world) failingTo(s *corev1.Service) *Record {
	for i := range w.records["access"] {
		f := w.records["access"][i].Fields
		parts := strings.Split(f["cluster"], "|")
		if f["past"] == "false" && len(parts) == 4 && parts[3] == s.Name+"."+s.Namespace+clusterDomain && f["flags"] != "" && f["status"] >= "500" {
			return &w.records["access"][i]
		}
	}
	return nil
}

// failing says whether a request to a port of a Service, or of another host, was answered
// with an error, and one of now would be too.
func (w *world) failing(service, host, port string) bool {
	if ns, name := split(service); service != "" {
		host = name + "." + ns + clusterDomain
	}
	return slices.ContainsFunc(w.records["access"], func(r Record) bool {
		parts := strings.Split(r.Fields["cluster"], "|")
		return len(parts) == 4 && parts[1] == port && parts[3] == host && r.Fields["past"] == "false" && r.Fields["status"] >= "400"
	})
}
