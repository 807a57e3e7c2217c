package diagnose

import (
	"fmt"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
)

// observeFilters makes a record of each EnvoyFilter for the inbound side of sidecars that
// names a port of a Service: there ports are those of the pods.
// Source: https://istio.io/latest/docs/reference/config/networking/envoy-filter/#EnvoyFilter-ListenerMatch
func (w *world) observeFilters() {
	for i := range w.others[filtersKind] {
		o := &w.others[filtersKind][i]
		selector := labelsAt(o.Object, "spec", "workloadSelector", "labels")
		for _, patch := range list(o.Object, "spec", "configPatches") {
			port := str(patch, "match", "listener", "portNumber")
			if port == "" || port == "0" || str(patch, "match", "context") != "SIDECAR_INBOUND" {
				continue
			}
			if s, target := w.meant(o.GetNamespace(), selector, port); s != nil {
				name := id(o.GetNamespace(), o.GetName())
				w.add("filterport", fileOf(o.GetNamespace(), filtersKind), fmt.Sprintf("EnvoyFilter %s: portNumber %s; Service %s sends that port to %s", name, port, id(s.Namespace, s.Name), target),
					"object", name, "ns", o.GetNamespace(), "port", port, "service", id(s.Namespace, s.Name), "target", target)
				break
			}
		}
	}
}

// meant returns the Service of a namespace, of pods with the labels, that has a port which
// none of these Services sends to the same port of its pods, and where it is sent.
func (w *world) meant(namespace string, labels map[string]string, port string) (meant *corev1.Service, target string) {
	for i := range w.services {
		s := &w.services[i]
		pods := w.podsOf(s.Namespace, s.Spec.Selector)
		if s.Namespace != namespace || !slices.ContainsFunc(pods, func(p *corev1.Pod) bool { return injected(p) && selects(labels, p.Labels) }) {
			continue
		}
		for _, p := range s.Spec.Ports {
			to := p.TargetPort.String()
			if to == "0" || to == "" {
				to = strconv.Itoa(int(p.Port))
			}
			switch {
			case to == port, p.TargetPort.StrVal != "":
				return nil, ""
			case strconv.Itoa(int(p.Port)) == port:
				meant, target = s, to
			}
		}
	}
	return meant, target
}
