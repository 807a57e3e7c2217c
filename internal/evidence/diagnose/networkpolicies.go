package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// unconnected matches the flags of requests that got no connection, or no answer in time.
var unconnected = regexp.MustCompile(`(^|,)(UF|UT|URX)(,|$)`)

// observeBlocked makes a record of each Service to which connections fail from a pod that
// none of the NetworkPolicies of the Service's pods lets in.
// Source: https://kubernetes.io/docs/concepts/services-networking/network-policies/
func (w *world) observeBlocked() {
	seen := map[string]bool{}
	for _, r := range slices.Clone(w.records["access"]) {
		f := r.Fields
		parts := strings.Split(f["cluster"], "|")
		if f["past"] == "true" || !unconnected.MatchString(f["flags"]) || len(parts) != 4 || seen[f["pod"]+parts[3]] {
			continue
		}
		seen[f["pod"]+parts[3]] = true
		client := w.pod(split(f["pod"]))
		name := strings.Split(strings.TrimSuffix(parts[3], clusterDomain), ".")
		if client == nil || len(name) != 2 {
			continue
		}
		if policy := w.shutsOut(w.service(name[1], name[0]), client); policy != "" {
			w.add("blocked", fileOf(name[1], netpolKind), fmt.Sprintf("NetworkPolicy %s selects the pods of Service %s and does not let Pod %s in; %s", policy, id(name[1], name[0]), f["pod"], r.Text),
				"object", policy, "ns", name[1], "pod", f["pod"], "service", id(name[1], name[0]), "host", f["host"], "flags", f["flags"])
		}
	}
}

// shutsOut returns a NetworkPolicy of a Service's pods, where none of theirs lets a
// client in; empty where one may.
func (w *world) shutsOut(s *corev1.Service, client *corev1.Pod) string {
	if s == nil {
		return ""
	}
	pods := w.podsOf(s.Namespace, s.Spec.Selector)
	if len(pods) == 0 {
		return ""
	}
	found := ""
	for i := range w.others[netpolKind] {
		p := &w.others[netpolKind][i]
		if p.GetNamespace() != s.Namespace || !matchesAt(p, pods[0].Labels, "spec", "podSelector") || !ingress(p) {
			continue
		}
		if w.mayAdmit(p, client) {
			return ""
		}
		found = id(p.GetNamespace(), p.GetName())
	}
	return found
}

// ingress says whether a policy is about connections to its pods.
func ingress(p *object) bool {
	types := texts(p.Object, "spec", "policyTypes")
	return len(types) == 0 || slices.Contains(types, "Ingress")
}

// mayAdmit says whether a rule of a policy lets a client in, or may: ports are not
// looked at, and of blocks of addresses it is not known.
func (w *world) mayAdmit(p *object, client *corev1.Pod) bool {
	for _, rule := range list(p.Object, "spec", "ingress") {
		peers := list(rule, "from")
		if len(peers) == 0 {
			return true
		}
		for _, peer := range peers {
			if at(peer, "ipBlock") != nil {
				return true
			}
			_, byNamespace := peer["namespaceSelector"]
			_, byPod := peer["podSelector"]
			sameNamespace := !byNamespace && client.Namespace == p.GetNamespace()
			if !sameNamespace && (!byNamespace || !matchesAt(&object{Object: peer}, w.namespaceLabels(client.Namespace), "namespaceSelector")) {
				continue
			}
			if !byPod || matchesAt(&object{Object: peer}, client.Labels, "podSelector") {
				return true
			}
		}
	}
	return false
}

func (w *world) namespaceLabels(name string) map[string]string {
	for i := range w.namespaces {
		if w.namespaces[i].Name == name {
			return w.namespaces[i].Labels
		}
	}
	return nil
}

// matchesAt says whether the selector at a place of an object selects labels; one that
// cannot be read counts as selecting them.
func matchesAt(o *object, labels map[string]string, place ...string) bool {
	content, err := yaml.Marshal(at(o.Object, place...))
	if err != nil {
		return true
	}
	selector := &metav1.LabelSelector{}
	if err := yaml.Unmarshal(content, selector); err != nil {
		return true
	}
	return selectorMatches(selector, labels)
}
