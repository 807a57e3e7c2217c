package diagnose

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// opaque are the declared protocols on which a proxy knows nothing of HTTP.
var opaque = []string{"tcp", "tls", "https", "mongo", "mysql", "redis"}

// onlyHTTP are the fields of an AuthorizationPolicy that only HTTP requests have.
// Source: https://istio.io/latest/docs/reference/config/security/authorization-policy/
var onlyHTTP = []string{"hosts", "notHosts", "methods", "notMethods", "paths", "notPaths"}

// onlyRequests are those of a source, and of conditions what their keys begin with.
var onlyRequests = []string{"requestPrincipals", "notRequestPrincipals"}

// observeLayers makes a record of each AuthorizationPolicy that asks for what only HTTP
// has on a port that is declared as TCP: a DENY rule loses these fields there, and denies
// all that the others fit; an ALLOW rule is left out.
// Source: istio.io/istio/pilot/pkg/security/authz/model, Model.Generate.
func (w *world) observeLayers() {
	seen := map[string]bool{}
	for i := range w.pods {
		pod := &w.pods[i]
		if role(pod) != "sidecar" || pod.DeletionTimestamp != nil {
			continue
		}
		for j := range w.services {
			s := &w.services[j]
			if s.Namespace != pod.Namespace || len(s.Spec.Selector) == 0 || !selects(s.Spec.Selector, pod.Labels) {
				continue
			}
			for _, p := range s.Spec.Ports {
				if slices.Contains(opaque, declared(p)) {
					w.observeLayer(pod, s, p, seen)
				}
			}
		}
	}
}

func (w *world) observeLayer(pod *corev1.Pod, s *corev1.Service, p corev1.ServicePort, seen map[string]bool) {
	target := p.TargetPort.String()
	if target == "0" || target == "" {
		target = strconv.Itoa(int(p.Port))
	}
	for _, l := range w.layersOf(pod, target) {
		name := id(l.policy.GetNamespace(), l.policy.GetName())
		key := name + " " + id(pod.Namespace, pod.Name)
		if seen[key] {
			continue
		}
		seen[key] = true
		w.add("layer", fileOf(l.policy.GetNamespace(), policiesKind), fmt.Sprintf("AuthorizationPolicy %s: %s by %s, at port %s of Pod %s, declared as %s", name, l.action, l.fields, target, pod.Name, declared(p)),
			"object", name, "ns", l.policy.GetNamespace(), "pod", id(pod.Namespace, pod.Name), "service", id(s.Namespace, s.Name), "port", strconv.Itoa(int(p.Port)),
			"declared", declared(p), "action", l.action, "fields", l.fields, "effect", l.effect)
	}
}

// layer is a policy that asks for HTTP where there is none, and what comes of it.
type layer struct {
	policy                 *object
	action, fields, effect string
}

// layersOf returns the policies that, on a port of TCP, refuse every connection to a pod,
// because of what they ask of HTTP.
func (w *world) layersOf(pod *corev1.Pod, port string) []layer {
	var denies, allows []layer
	allowed := w.unread(policiesKind, pod.Namespace, systemMeshNS)
	for i := range w.others[policiesKind] {
		o := &w.others[policiesKind][i]
		if !applies(o, pod) {
			continue
		}
		action := str(o.Object, "spec", "action")
		for _, rule := range list(o.Object, "spec", "rules") {
			fields, bound := requestFields(rule, port)
			switch {
			case action == "DENY" && fields != "" && !bound:
				denies = append(denies, layer{o, "DENY", fields, "denies every connection"})
			case (action == "" || action == "ALLOW") && fields == "":
				allowed = true
			case action == "" || action == "ALLOW":
				allows = append(allows, layer{o, "ALLOW", fields, "allows no connection"})
			}
		}
	}
	if allowed {
		return denies
	}
	return append(denies, allows...)
}

// requestFields names the fields of a rule that only HTTP has, and says whether the rule
// is bound to anything else that a connection may not meet: a source or other ports.
func requestFields(rule map[string]any, port string) (what string, bound bool) {
	var found []string
	for _, to := range list(rule, "to") {
		for _, field := range onlyHTTP {
			if len(texts(to, "operation", field)) > 0 {
				found = append(found, field)
			}
		}
		ports := texts(to, "operation", "ports")
		bound = bound || len(ports) > 0 && !slices.Contains(ports, port) || len(texts(to, "operation", "notPorts")) > 0
	}
	for _, from := range list(rule, "from") {
		source, _ := from["source"].(map[string]any)
		for field := range source {
			if slices.Contains(onlyRequests, field) {
				found = append(found, field)
			} else {
				bound = true
			}
		}
	}
	for _, when := range list(rule, "when") {
		if key := str(when, "key"); strings.HasPrefix(key, "request.") {
			found = append(found, key)
		} else {
			bound = true
		}
	}
	slices.Sort(found)
	return strings.Join(slices.Compact(found), ", "), bound
}

// observeProviders makes a record of each AuthorizationPolicy with action CUSTOM and of
// the provider that it names.
// Source: https://istio.io/latest/docs/tasks/security/authorization/authz-custom/
func (w *world) observeProviders() {
	for _, o := range w.others[policiesKind] {
		provider := str(o.Object, "spec", "provider", "name")
		if str(o.Object, "spec", "action") != "CUSTOM" || provider == "" {
			continue
		}
		state := missing
		if len(w.meshes) == 0 {
			state = unknown
		}
		service := ""
		for _, c := range w.meshes {
			for _, p := range list(c.values, "extensionProviders") {
				if str(p, "name") == provider {
					state, service = w.authorizer(p)
				}
			}
		}
		name := id(o.GetNamespace(), o.GetName())
		w.add("provider", fileOf(o.GetNamespace(), policiesKind), fmt.Sprintf("AuthorizationPolicy %s: action CUSTOM by provider %s (%s)", name, provider, state),
			"object", name, "ns", o.GetNamespace(), "provider", provider, "state", state, "service", service)
	}
}

// authorizer says whether a provider decides on requests, and by which Service, which
// istiod has to know by its whole name.
func (w *world) authorizer(provider map[string]any) (state, service string) {
	for _, kind := range []string{"envoyExtAuthzHttp", "envoyExtAuthzGrpc"} {
		if provider[kind] == nil {
			continue
		}
		service = str(provider, kind, "service")
		host := service[strings.Index(service, "/")+1:]
		if _, found := w.resolve(host, systemMeshNS); found == missing {
			return "no-service", service
		}
		return ok, service
	}
	return "other", ""
}

// observeWasm makes a record of each WasmPlugin.
func (w *world) observeWasm() {
	for _, o := range w.others[wasmKind] {
		name := id(o.GetNamespace(), o.GetName())
		url := str(o.Object, "spec", "url")
		if !strings.Contains(url, "://") {
			url = "oci://" + url // as istiod takes it
		}
		strategy := str(o.Object, "spec", "failStrategy")
		if strategy == "" {
			strategy = "FAIL_CLOSE"
		}
		w.add("wasm", fileOf(o.GetNamespace(), wasmKind), fmt.Sprintf("WasmPlugin %s: %s, %s", name, url, strategy),
			"object", name, "ns", o.GetNamespace(), "url", url, "strategy", strategy)
	}
}
