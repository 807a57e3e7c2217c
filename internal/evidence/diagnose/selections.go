package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// selecting are the kinds that select pods of their own namespace, or, in the root
// namespace, of all, and where their selector stands.
var selecting = []struct {
	kind string
	path []string
}{
	{policiesKind, []string{"spec", "selector", "matchLabels"}},
	{peersKind, []string{"spec", "selector", "matchLabels"}},
	{requestAuthKind, []string{"spec", "selector", "matchLabels"}},
	{"telemetries.telemetry.istio.io", []string{"spec", "selector", "matchLabels"}},
	{wasmKind, []string{"spec", "selector", "matchLabels"}},
	{filtersKind, []string{"spec", "workloadSelector", "labels"}},
	{"sidecars.networking.istio.io", []string{"spec", "workloadSelector", "labels"}},
}

const (
	wasmKind    = "wasmplugins.extensions.istio.io"
	filtersKind = "envoyfilters.networking.istio.io"
)

// observeSelections makes a record of each object that selects no pod where it may.
// elsewhere names the namespace of pods with these labels, which it cannot reach.
// Source: https://istio.io/latest/docs/reference/config/type/workload-selector/
func (w *world) observeSelections() {
	for _, s := range selecting {
		for i := range w.others[s.kind] {
			o := &w.others[s.kind][i]
			selector := labelsAt(o.Object, s.path...)
			if len(selector) == 0 || o.GetNamespace() == systemMeshNS || !w.listed(o.GetNamespace(), podsKind) {
				continue
			}
			if len(w.podsOf(o.GetNamespace(), selector)) > 0 || w.workload(o.GetNamespace(), selector) {
				continue
			}
			var elsewhere []string
			for _, pod := range w.podsOf("", selector) {
				if role(pod) != "plain" && !slices.Contains(elsewhere, pod.Namespace) {
					elsewhere = append(elsewhere, pod.Namespace)
				}
			}
			name := id(o.GetNamespace(), o.GetName())
			w.add("selection", fileOf(o.GetNamespace(), s.kind), fmt.Sprintf("%s %s selects {%s}, no pod of its namespace has that", o.GetKind(), name, labelText(selector)),
				"kind", o.GetKind(), "object", name, "ns", o.GetNamespace(), "selector", labelText(selector), "elsewhere", strings.Join(elsewhere, ", "))
		}
	}
}

// observePeers makes a record of each PeerAuthentication that is not used for a pod,
// because an older one of the same reach selects the pod too.
// Source: istio.io/istio/pilot/pkg/security/authn, ComposePeerAuthentication.
func (w *world) observePeers() {
	peers := w.peersByAge()
	seen := map[string]bool{}
	for i := range w.pods {
		pod := &w.pods[i]
		if role(pod) == "plain" || pod.DeletionTimestamp != nil {
			continue
		}
		first := map[int]*object{}
		for j := range peers {
			pa := &peers[j]
			level, is := reach(pa, pod)
			name := id(pa.GetNamespace(), pa.GetName())
			switch older := first[level]; {
			case !is:
			case older == nil:
				first[level] = pa
			case !seen[name] && sameDemand(older, pa):
			case !seen[name]:
				seen[name] = true
				w.add("peer", fileOf(pa.GetNamespace(), peersKind), fmt.Sprintf("PeerAuthentication %s: the older %s is used for Pod %s", name, older.GetName(), pod.Name),
					"object", name, "ns", pa.GetNamespace(), "pod", id(pod.Namespace, pod.Name), "older", id(older.GetNamespace(), older.GetName()))
			}
		}
	}
}

// peersByAge are the PeerAuthentications, the oldest first, as istiod sorts them.
func (w *world) peersByAge() []object {
	peers := slices.Clone(w.others[peersKind])
	slices.SortFunc(peers, func(a, b object) int {
		return cmp.Or(a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time), strings.Compare(a.GetName()+"."+a.GetNamespace(), b.GetName()+"."+b.GetNamespace()))
	})
	return peers
}

// reach says whether a PeerAuthentication is about a pod, and how closely: 2 by its
// labels, 1 by its namespace, 0 by the mesh.
func reach(pa *object, pod *corev1.Pod) (level int, is bool) {
	chosen := labelsAt(pa.Object, "spec", "selector", "matchLabels")
	switch {
	case pa.GetNamespace() == pod.Namespace && len(chosen) > 0:
		return 2, selects(chosen, pod.Labels)
	case pa.GetNamespace() == pod.Namespace:
		return 1, true
	}
	return 0, pa.GetNamespace() == systemMeshNS && len(chosen) == 0
}

// sameDemand says whether two PeerAuthentications ask for the same.
func sameDemand(a, b *object) bool {
	return str(a.Object, "spec", "mtls", "mode") == str(b.Object, "spec", "mtls", "mode") &&
		fmt.Sprint(at(a.Object, "spec", "portLevelMtls")) == fmt.Sprint(at(b.Object, "spec", "portLevelMtls"))
}
