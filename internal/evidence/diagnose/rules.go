package diagnose

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/evidence"
)

// observeRules makes records of DestinationRules and of what their hosts ask for.
func (w *world) observeRules() {
	for i := range w.others[rulesKind] {
		dr := &w.others[rulesKind][i]
		name, host := id(dr.GetNamespace(), dr.GetName()), str(dr.Object, "spec", "host")
		service, target := w.resolve(host, dr.GetNamespace())
		if strings.Contains(host, "*") {
			service, target = "", unknown
		}
		namespace, svc := split(service)
		tls := str(dr.Object, "spec", "trafficPolicy", "tls", "mode")
		mtls, injected := unknown, unknown
		if s := w.service(namespace, svc); s != nil && target == ok {
			mtls, injected = w.mutualTLS(namespace, s.Spec.Selector), w.injectedAmong(namespace, s.Spec.Selector)
		}
		w.add("rule", fileOf(dr.GetNamespace(), rulesKind), fmt.Sprintf("DestinationRule %s: host %s (%s), tls mode %q; its pods: mutual TLS %s, with a sidecar: %s", name, host, target, tls, mtls, injected),
			"rule", name, "ns", dr.GetNamespace(), "host", host, "tls", tls, "target", target, "mtls", mtls, "injected", injected)
	}
}

// mutualTLS is the mode that the pods of a selector ask for: the most specific
// PeerAuthentication counts. Where several would, or one with ports, it is unknown.
// Source: https://istio.io/latest/docs/reference/config/security/peer_authentication/
func (w *world) mutualTLS(namespace string, selector map[string]string) string {
	pods := w.podsOf(namespace, selector)
	if len(pods) == 0 {
		return unknown
	}
	return w.mutualTLSOf(pods[0])
}

// mutualTLSOf is the mode that a pod asks for.
func (w *world) mutualTLSOf(pod *corev1.Pod) string {
	namespace := pod.Namespace
	modes := map[int][]string{}
	for _, pa := range w.others[peersKind] {
		chosen := labelsAt(pa.Object, "spec", "selector", "matchLabels")
		level := 0
		switch {
		case pa.GetNamespace() == namespace && len(chosen) > 0:
			if !selects(chosen, pod.Labels) {
				continue
			}
			level = 2
		case pa.GetNamespace() == namespace:
			level = 1
		case pa.GetNamespace() != systemMeshNS || len(chosen) > 0:
			continue
		}
		mode := strings.ToLower(str(pa.Object, "spec", "mtls", "mode"))
		if len(labelsAt(pa.Object, "spec", "portLevelMtls")) > 0 {
			mode = unknown
		}
		if mode == "unset" {
			mode = ""
		}
		modes[level] = append(modes[level], mode)
	}
	for level := 2; level >= 0; level-- {
		switch found := modes[level]; {
		case len(found) > 1:
			return unknown
		case len(found) == 1 && found[0] != "":
			return found[0]
		}
	}
	return "permissive"
}

// injectedAmong says how many of the running pods of a selector have a sidecar.
func (w *world) injectedAmong(namespace string, selector map[string]string) string {
	with, without := 0, 0
	for _, p := range w.podsOf(namespace, selector) {
		switch {
		case !evidence.Ready(p):
		case injected(p):
			with++
		default:
			without++
		}
	}
	switch {
	case with+without == 0:
		return unknown
	case without == 0:
		return "all"
	case with == 0:
		return "none"
	}
	return "some"
}
