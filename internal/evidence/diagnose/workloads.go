package diagnose

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

const requestAuthKind = "requestauthentications.security.istio.io"

// observeWorkloadPolicies makes records of the AuthorizationPolicies of pods with a
// sidecar by which only peers with an identity get through, and of those that leave out
// a gateway that routes to the pods; and of ports in PeerAuthentications.
func (w *world) observeWorkloadPolicies() {
	for i := range w.pods {
		pod := &w.pods[i]
		if role(pod) != "sidecar" || pod.DeletionTimestamp != nil {
			continue
		}
		blocks := w.blocking(pod)
		if len(blocks) == 0 || slices.ContainsFunc(blocks, func(b block) bool { return b.effect != "wants-peer" }) {
			continue
		}
		for _, b := range blocks {
			w.workloadPolicy(b.policy, pod, "wants-peer", "", "")
		}
		if gateway, service := w.gatewayTo(pod); gateway != nil && !slices.ContainsFunc(blocks, func(b block) bool { return names(b.policy, gateway) }) {
			w.workloadPolicy(blocks[0].policy, pod, "not-gateway", identity(gateway), service)
		}
	}
	w.observePolicyPorts()
}

func (w *world) workloadPolicy(p *object, pod *corev1.Pod, effect, gateway, service string) {
	name := id(p.GetNamespace(), p.GetName())
	w.add("policy", fileOf(p.GetNamespace(), policiesKind), fmt.Sprintf("AuthorizationPolicy %s: applies to Pod %s, %s %s", name, id(pod.Namespace, pod.Name), effect, gateway),
		"object", name, "ns", p.GetNamespace(), "pod", id(pod.Namespace, pod.Name), "role", "sidecar", "effect", effect, "scope", "workload",
		"sources", sourcesOf(p, "principals", "namespaces", "serviceAccounts"), "gateway", gateway, "service", service)
}

// identity is a pod's in the mesh, without the trust domain.
func identity(pod *corev1.Pod) string {
	account := pod.Spec.ServiceAccountName
	if account == "" {
		account = "default"
	}
	return "ns/" + pod.Namespace + "/sa/" + account
}

// names says whether a policy's sources name the identity of a pod; conditions that
// exclude some count as naming it, for they may.
func names(p *object, pod *corev1.Pod) bool {
	whole := "cluster.local/" + identity(pod)
	for _, rule := range list(p.Object, "spec", "rules") {
		for _, from := range list(rule, "from") {
			for _, principal := range texts(from, "source", "principals") {
				// The trust domain of a policy stands for the mesh's own and its aliases.
				_, rest, _ := strings.Cut(principal, "/")
				if fits(principal, whole) || fits(rest, identity(pod)) {
					return true
				}
			}
			if slices.ContainsFunc(texts(from, "source", "namespaces"), func(ns string) bool { return fits(ns, pod.Namespace) }) ||
				len(texts(from, "source", "serviceAccounts")) > 0 {
				return true
			}
		}
	}
	return false
}

// fits says whether a value is one of a policy's pattern: exact, or with a star at one
// end. Source: https://istio.io/latest/docs/reference/config/security/authorization-policy/
func fits(pattern, value string) bool {
	switch {
	case pattern == "*":
		return true
	case strings.HasSuffix(pattern, "*"):
		return strings.HasPrefix(value, strings.TrimSuffix(pattern, "*"))
	case strings.HasPrefix(pattern, "*"):
		return strings.HasSuffix(value, strings.TrimPrefix(pattern, "*"))
	}
	return pattern == value
}

// gatewayTo returns a gateway pod with a route to a Service of the pod, and the Service.
func (w *world) gatewayTo(pod *corev1.Pod) (gateway *corev1.Pod, service string) {
	for _, r := range w.records["route"] {
		s := w.service(split(r.Fields["service"]))
		if s == nil || s.Namespace != pod.Namespace || len(s.Spec.Selector) == 0 || !selects(s.Spec.Selector, pod.Labels) {
			continue
		}
		for i := range w.others[routesKind] {
			vs := &w.others[routesKind][i]
			if id(vs.GetNamespace(), vs.GetName()) != r.Fields["virtualservice"] {
				continue
			}
			if pods := w.gatewaysOf(vs); len(pods) > 0 {
				return pods[0], r.Fields["service"]
			}
		}
	}
	return nil, ""
}

// observePolicyPorts makes a record of each port of a PeerAuthentication that a Service
// of its pods has, and that leads to another one of theirs.
// Source: https://istio.io/latest/docs/reference/config/security/peer_authentication/
func (w *world) observePolicyPorts() {
	for i := range w.others[peersKind] {
		pa := &w.others[peersKind][i]
		pods := w.podsOf(pa.GetNamespace(), labelsAt(pa.Object, "spec", "selector", "matchLabels"))
		ports, _ := at(pa.Object, "spec", "portLevelMtls").(map[string]any)
		for port := range ports {
			for j := range w.services {
				s := &w.services[j]
				if s.Namespace != pa.GetNamespace() || len(s.Spec.Selector) == 0 || !slices.ContainsFunc(pods, func(p *corev1.Pod) bool { return selects(s.Spec.Selector, p.Labels) }) {
					continue
				}
				w.observePolicyPort(pa, s, port, pods)
			}
		}
	}
}

func (w *world) observePolicyPort(pa *object, s *corev1.Service, port string, pods []*corev1.Pod) {
	target := ""
	for _, p := range s.Spec.Ports {
		number := p.TargetPort.IntValue()
		if p.TargetPort.StrVal != "" {
			return // a name: which number it has, each pod says
		}
		if strconv.Itoa(number) == port || number == 0 && strconv.Itoa(int(p.Port)) == port {
			return
		}
		if strconv.Itoa(int(p.Port)) == port {
			target = strconv.Itoa(number)
		}
	}
	for _, pod := range pods {
		for _, c := range pod.Spec.Containers {
			if slices.ContainsFunc(c.Ports, func(cp corev1.ContainerPort) bool { return strconv.Itoa(int(cp.ContainerPort)) == port }) {
				return
			}
		}
	}
	if target == "" {
		return
	}
	name := id(pa.GetNamespace(), pa.GetName())
	w.add("policyport", fileOf(pa.GetNamespace(), peersKind), fmt.Sprintf("PeerAuthentication %s: portLevelMtls of port %s, which is the one of Service %s, and leads to %s", name, port, s.Name, target),
		"object", name, "ns", pa.GetNamespace(), "port", port, "service", id(s.Namespace, s.Name), "target", target)
}

// observeIssuers makes a record of each issuer that a RequestAuthentication names.
func (w *world) observeIssuers() {
	for i := range w.others[requestAuthKind] {
		ra := &w.others[requestAuthKind][i]
		for _, rule := range list(ra.Object, "spec", "jwtRules") {
			name := id(ra.GetNamespace(), ra.GetName())
			w.add("issuer", fileOf(ra.GetNamespace(), requestAuthKind), fmt.Sprintf("RequestAuthentication %s: issuer %s, keys from %s", name, str(rule, "issuer"), str(rule, "jwksUri")),
				"object", name, "ns", ra.GetNamespace(), "issuer", str(rule, "issuer"), "uri", str(rule, "jwksUri"))
		}
	}
}
