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
// PeerAuthentication counts, of several the oldest. Of one with ports it is unknown.
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
	modes := map[int][]string{}
	for _, pa := range w.peersByAge() {
		level, is := reach(&pa, pod)
		if !is {
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
		if found := modes[level]; len(found) > 0 && found[0] != "" {
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
