package diagnose

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// observeSteps makes records of what is wrong with the routes of one VirtualService
// alone: a route that is never asked, a rewrite that changes the slashes of a path, a
// delegate that is not there.
func (w *world) observeSteps() {
	for i := range w.others[routesKind] {
		vs := &w.others[routesKind][i]
		w.observeUnasked(vs)
		w.observeMeshless(vs)
		for _, route := range list(vs.Object, "spec", "http") {
			w.observeRewrite(vs, route)
			w.observeDelegate(vs, route)
			w.observeRetries(vs, route)
		}
	}
}

// observeMeshless makes a record of a VirtualService for the name of a Service that applies
// to gateways alone.
// Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#VirtualService-gateways
func (w *world) observeMeshless(vs *object) {
	if ofMesh(vs) {
		return
	}
	for _, host := range texts(vs.Object, "spec", "hosts") {
		service, status := w.resolve(host, vs.GetNamespace())
		if s := w.service(split(service)); s == nil || status != ok || w.injectedAmong(s.Namespace, s.Spec.Selector) == unknown {
			continue
		}
		name := id(vs.GetNamespace(), vs.GetName())
		w.add("meshless", fileOf(vs.GetNamespace(), routesKind), fmt.Sprintf("VirtualService %s: host %s, gateways %s", name, host, strings.Join(texts(vs.Object, "spec", "gateways"), ", ")),
			"virtualservice", name, "ns", vs.GetNamespace(), "host", host, "service", service, "gateways", strings.Join(texts(vs.Object, "spec", "gateways"), ", "))
		return
	}
}

// observeUnasked makes a record of the first route of a VirtualService that is never
// asked, because one before it takes all of its paths.
// Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRoute
func (w *world) observeUnasked(vs *object) {
	name := id(vs.GetNamespace(), vs.GetName())
	routes := list(vs.Object, "spec", "http")
	for i, route := range routes {
		for _, m := range list(route, "match") {
			path := cmp.Or(str(m, "uri", "prefix"), str(m, "uri", "exact"))
			for _, earlier := range routes[:i] {
				by := takesAll(earlier, path)
				if path == "" || by == "" || sameRoute(earlier, route) {
					continue
				}
				w.add("unasked", fileOf(vs.GetNamespace(), routesKind), fmt.Sprintf("VirtualService %s: route %d for %s comes after one for %s", name, i+1, path, by),
					"virtualservice", name, "ns", vs.GetNamespace(), "path", path, "by", by, "hosts", strings.Join(texts(vs.Object, "spec", "hosts"), ", "))
				return
			}
		}
	}
}

// takesAll returns by what a route takes every request for paths that begin with one:
// its prefix, or that it has no condition; "" where it does not.
func takesAll(route map[string]any, path string) string {
	matches := list(route, "match")
	if len(matches) == 0 {
		return "every path"
	}
	for _, m := range matches {
		if prefix := str(m, "uri", "prefix"); prefix != "" && onlyPath(m) && strings.HasPrefix(path, prefix) {
			return prefix
		}
	}
	return ""
}

// onlyPath says whether a match asks for nothing but the path; its name is no condition.
func onlyPath(match map[string]any) bool {
	for key := range match {
		if key != "uri" && key != "name" {
			return false
		}
	}
	return true
}

// sameRoute says whether two routes do the same with what they take.
func sameRoute(a, b map[string]any) bool {
	without := func(route map[string]any) string {
		var parts []string
		for key, value := range route {
			if key != "match" && key != "name" {
				parts = append(parts, fmt.Sprintf("%s=%v", key, value))
			}
		}
		slices.Sort(parts)
		return strings.Join(parts, " ")
	}
	return without(a) == without(b)
}

// observeRewrite makes a record of a rewrite that doubles or swallows a slash: the prefix
// that fits is replaced as it is written.
// Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRewrite
func (w *world) observeRewrite(vs *object, route map[string]any) {
	to := str(route, "rewrite", "uri")
	for _, m := range list(route, "match") {
		prefix := str(m, "uri", "prefix")
		if to == "" || prefix == "" || strings.HasSuffix(prefix, "/") == strings.HasSuffix(to, "/") {
			continue
		}
		example := strings.TrimSuffix(prefix, "/") + "/x"
		becomes := to + strings.TrimPrefix(example, prefix)
		name := id(vs.GetNamespace(), vs.GetName())
		w.add("rewrite", fileOf(vs.GetNamespace(), routesKind), fmt.Sprintf("VirtualService %s: prefix %s is rewritten to %s", name, prefix, to),
			"virtualservice", name, "ns", vs.GetNamespace(), "prefix", prefix, "to", to, "example", example, "becomes", becomes)
		return
	}
}

// observeDelegate makes a record of a delegate that istiod does not find: it has to be
// there, without hosts of its own, and exported to the namespace of who delegates.
// Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#Delegate
func (w *world) observeDelegate(vs *object, route map[string]any) {
	target := str(route, "delegate", "name")
	if target == "" {
		return
	}
	namespace := cmp.Or(str(route, "delegate", "namespace"), vs.GetNamespace())
	var why string
	i := slices.IndexFunc(w.others[routesKind], func(o object) bool { return o.GetNamespace() == namespace && o.GetName() == target })
	switch {
	case i < 0 && (w.index.Only && !w.listed(namespace, servicesKind) || w.unread(routesKind) || w.unread("namespaces")):
		if w.istiodMayKnow("VirtualService", namespace, target) {
			return // it may be where was not looked
		}
		why = "which istiod does not know"
	case i < 0:
		why = "which does not exist"
	case len(texts(w.others[routesKind][i].Object, "spec", "hosts")) > 0:
		why = "which has hosts of its own and is therefore no delegate"
	case !w.exportedTo(&w.others[routesKind][i], vs.GetNamespace()):
		why = "which is not exported to its namespace"
	default:
		return
	}
	name := id(vs.GetNamespace(), vs.GetName())
	w.add("delegate", fileOf(vs.GetNamespace(), routesKind), fmt.Sprintf("VirtualService %s delegates to %s, %s", name, id(namespace, target), why),
		"virtualservice", name, "ns", vs.GetNamespace(), "delegate", id(namespace, target), "why", why, "hosts", strings.Join(texts(vs.Object, "spec", "hosts"), " "))
}

// istiodMayKnow says whether istiod has an object, or could not be asked which it has.
func (w *world) istiodMayKnow(kind, namespace, name string) bool {
	files := w.glob("istiod/*/*/configz.json")
	for _, file := range files {
		var all []object
		content, err := fs.ReadFile(w.files, file)
		if err != nil || json.Unmarshal(content, &all) != nil {
			return true
		}
		if slices.ContainsFunc(all, func(o object) bool {
			return o.GetKind() == kind && o.GetNamespace() == namespace && o.GetName() == name
		}) {
			return true
		}
	}
	return len(files) == 0
}

// observeRetries makes a record of a route whose time is up before its first try is: the
// timeout is for all tries together.
// Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRetry
func (w *world) observeRetries(vs *object, route map[string]any) {
	all, errAll := time.ParseDuration(str(route, "timeout"))
	one, errOne := time.ParseDuration(str(route, "retries", "perTryTimeout"))
	attempts := str(route, "retries", "attempts")
	if errAll != nil || errOne != nil || all == 0 || one < all || attempts == "" || attempts == "0" {
		return
	}
	name := id(vs.GetNamespace(), vs.GetName())
	w.add("retry", fileOf(vs.GetNamespace(), routesKind), fmt.Sprintf("VirtualService %s: timeout %s, %s attempts of %s each", name, all, attempts, one),
		"virtualservice", name, "ns", vs.GetNamespace(), "timeout", all.String(), "perTry", one.String(), "attempts", attempts)
}

// exportedTo says whether a VirtualService is exported to a namespace.
func (w *world) exportedTo(vs *object, namespace string) bool {
	to := texts(vs.Object, "spec", "exportTo")
	if len(to) == 0 {
		for _, c := range w.meshes {
			to = texts(c.values, "defaultVirtualServiceExportTo")
		}
	}
	return len(to) == 0 || slices.Contains(to, "*") || slices.Contains(to, namespace) || slices.Contains(to, ".") && vs.GetNamespace() == namespace
}
