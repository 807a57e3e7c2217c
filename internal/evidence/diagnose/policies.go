package diagnose

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const policiesKind = "authorizationpolicies.security.istio.io"

// observePolicies makes a record of each AuthorizationPolicy that lets no request to a
// gateway pass: all ALLOW policies of its pods have no rule, or rules that ask for a
// peer's identity, which a client from outside does not have; or a DENY policy has an
// empty rule, which matches every request.
// Source: https://istio.io/latest/docs/reference/config/security/authorization-policy/
func (w *world) observePolicies() {
	seen := map[string]bool{}
	for i := range w.pods {
		pod := &w.pods[i]
		if role(pod) != "gateway" || pod.DeletionTimestamp != nil {
			continue
		}
		for _, p := range w.blocking(pod) {
			name := id(p.policy.GetNamespace(), p.policy.GetName())
			if seen[name] {
				continue
			}
			seen[name] = true
			scope := "namespace"
			if p.policy.GetNamespace() == systemMeshNS {
				scope = "mesh"
			}
			w.add("policy", fileOf(p.policy.GetNamespace(), policiesKind), fmt.Sprintf("AuthorizationPolicy %s: applies to gateway Pod %s, %s", name, pod.Name, p.effect),
				"object", name, "ns", p.policy.GetNamespace(), "pod", id(pod.Namespace, pod.Name), "role", "gateway", "effect", p.effect, "scope", scope,
				"sources", sourcesOf(p.policy, "ipBlocks", "remoteIpBlocks"), "gateway", "", "service", "")
		}
	}
}

// block is a policy that lets nothing pass, and how.
type block struct {
	policy *unstructured.Unstructured
	effect string
}

// blocking returns the policies that together refuse every request to a pod.
func (w *world) blocking(pod *corev1.Pod) []block {
	var refused []block
	open := w.unread(policiesKind, pod.Namespace, systemMeshNS)
	for i := range w.others[policiesKind] {
		p := &w.others[policiesKind][i]
		if !applies(p, pod) {
			continue
		}
		rules, action := list(p.Object, "spec", "rules"), str(p.Object, "spec", "action")
		switch action {
		case "DENY":
			for _, rule := range rules {
				if len(rule) == 0 {
					return []block{{p, "denies-everything"}}
				}
			}
		case "", "ALLOW":
			switch {
			case len(rules) == 0:
				refused = append(refused, block{p, "allows-nothing"})
			case allWant(rules, "principals", "namespaces", "serviceAccounts"):
				refused = append(refused, block{p, "wants-peer"})
			case allWant(rules, "ipBlocks", "remoteIpBlocks"):
				refused = append(refused, block{p, "wants-address"})
			default:
				open = true
			}
		}
	}
	if open {
		return nil
	}
	return refused
}

// applies says whether a policy is about a pod; one with targetRefs is taken as not.
func applies(p *unstructured.Unstructured, pod *corev1.Pod) bool {
	if p.GetNamespace() != pod.Namespace && p.GetNamespace() != systemMeshNS {
		return false
	}
	if at(p.Object, "spec", "targetRefs") != nil || at(p.Object, "spec", "targetRef") != nil {
		return false
	}
	return selects(labelsAt(p.Object, "spec", "selector", "matchLabels"), pod.Labels)
}

// allWant says whether each source of each rule asks for one of the fields.
func allWant(rules []map[string]any, fields ...string) bool {
	for _, rule := range rules {
		sources := list(rule, "from")
		if len(sources) == 0 {
			return false
		}
		for _, from := range sources {
			n := 0
			for _, field := range fields {
				n += len(texts(from, "source", field))
			}
			if n == 0 {
				return false
			}
		}
	}
	return true
}

// sourcesOf are what the rules of a policy name as sources, in some fields.
func sourcesOf(p *object, fields ...string) string {
	var all []string
	for _, rule := range list(p.Object, "spec", "rules") {
		for _, from := range list(rule, "from") {
			for _, field := range fields {
				all = append(all, texts(from, "source", field)...)
			}
		}
	}
	return strings.Join(all, ", ")
}

// hidden says whether a VirtualService is not exported to the namespaces of a
// gateway's pods, and to which it is.
// Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#VirtualService-export_to
func (w *world) hidden(vs *unstructured.Unstructured, pods []*corev1.Pod) (bool, string) {
	to := texts(vs.Object, "spec", "exportTo")
	if len(to) == 0 {
		for _, c := range w.meshes {
			to = texts(c.values, "defaultVirtualServiceExportTo")
		}
	}
	if len(to) == 0 || len(pods) == 0 {
		return false, ""
	}
	for _, pod := range pods {
		for _, namespace := range to {
			if namespace == "*" || namespace == pod.Namespace || namespace == "." && vs.GetNamespace() == pod.Namespace {
				return false, ""
			}
		}
	}
	return true, strings.Join(to, ", ")
}
