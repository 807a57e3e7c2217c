package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// apiRoutes are the kinds of routes of the Gateway API.
var apiRoutes = []string{httpRouteKind, "grpcroutes.gateway.networking.k8s.io", "tlsroutes.gateway.networking.k8s.io", "tcproutes.gateway.networking.k8s.io"}

// observeParents makes a record of each Gateway that a route of the Gateway API names and
// that does not exist, of each port of a Service that it leads to and that the Service
// has not, and of each Gateway of a class that does not exist: none of it stands in a
// status.
func (w *world) observeParents() {
	for _, kind := range apiRoutes {
		for i := range w.others[kind] {
			route := &w.others[kind][i]
			for _, parent := range list(route.Object, "spec", "parentRefs") {
				w.observeParent(kind, route, parent)
			}
			for _, rule := range list(route.Object, "spec", "rules") {
				for _, ref := range list(rule, "backendRefs") {
					w.observeBackend(kind, route, ref)
				}
			}
		}
	}
	w.observeClasses()
}

func (w *world) observeParent(kind string, route *object, parent map[string]any) {
	if of := str(parent, "kind"); of != "" && of != "Gateway" {
		return
	}
	namespace, name := cmp.Or(str(parent, "namespace"), route.GetNamespace()), str(parent, "name")
	if w.index.Only && !w.listed(namespace, servicesKind) || w.unread(apiGatewaysKind) || w.unread("namespaces") {
		return // it may be where was not looked
	}
	if slices.ContainsFunc(w.others[apiGatewaysKind], func(g object) bool { return g.GetNamespace() == namespace && g.GetName() == name }) {
		return
	}
	w.add("parent", fileOf(route.GetNamespace(), kind), fmt.Sprintf("%s %s: parent %s does not exist", route.GetKind(), id(route.GetNamespace(), route.GetName()), id(namespace, name)),
		"kind", route.GetKind(), "object", id(route.GetNamespace(), route.GetName()), "ns", route.GetNamespace(), "parent", id(namespace, name))
}

func (w *world) observeBackend(kind string, route *object, ref map[string]any) {
	if of := str(ref, "kind"); of != "" && of != "Service" {
		return
	}
	namespace, port := cmp.Or(str(ref, "namespace"), route.GetNamespace()), str(ref, "port")
	s := w.service(namespace, str(ref, "name"))
	if s == nil || port == "" {
		return // the status says it
	}
	var has []string
	for _, p := range s.Spec.Ports {
		has = append(has, strconv.Itoa(int(p.Port)))
	}
	if slices.Contains(has, port) || s.Spec.Type == corev1.ServiceTypeExternalName {
		return
	}
	w.add("backend", fileOf(route.GetNamespace(), kind), fmt.Sprintf("%s %s: backend %s, port %s; the Service has %s", route.GetKind(), id(route.GetNamespace(), route.GetName()), id(namespace, s.Name), port, strings.Join(has, ", ")),
		"kind", route.GetKind(), "object", id(route.GetNamespace(), route.GetName()), "ns", route.GetNamespace(), "service", id(namespace, s.Name), "port", port, "has", strings.Join(has, ", "), "hosts", strings.Join(texts(route.Object, "spec", "hostnames"), " "))
}

// classesFile holds the GatewayClasses.
const classesFile = "cluster/gatewayclasses.yaml"

// observeClasses makes a record of each Gateway of a class that does not exist.
func (w *world) observeClasses() {
	if !w.whole[classesFile] {
		return
	}
	for i := range w.others[apiGatewaysKind] {
		g := &w.others[apiGatewaysKind][i]
		class := str(g.Object, "spec", "gatewayClassName")
		var names []string
		for _, c := range w.others["gatewayclasses"] {
			names = append(names, c.GetName())
		}
		if slices.Contains(names, class) {
			continue
		}
		slices.Sort(names)
		w.add("class", fileOf(g.GetNamespace(), apiGatewaysKind), fmt.Sprintf("Gateway %s: class %s does not exist", id(g.GetNamespace(), g.GetName()), class),
			"object", id(g.GetNamespace(), g.GetName()), "ns", g.GetNamespace(), "class", class, "classes", strings.Join(names, ", "))
	}
}
