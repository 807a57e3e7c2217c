package diagnose

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// observeMisses makes a record of each request that a gateway answered 404 because no
// route fits: which VirtualService has the host, and which other one would have the
// path. Of all hosts that match, the most specific one is asked alone.
// Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-virtualhost
func (w *world) observeMisses() {
	seen := map[string]bool{}
	for _, r := range slices.Clone(w.records["access"]) {
		key := r.Fields["host"] + r.Fields["path"]
		if r.Fields["role"] != "gateway" || r.Fields["details"] != "route_not_found" || seen[key] {
			continue
		}
		seen[key] = true
		host, _, _ := strings.Cut(r.Fields["host"], ":")
		path, _, _ := strings.Cut(r.Fields["path"], "?")
		candidates := w.servedHosts(r.Fields["pod"], host)
		if len(candidates) == 0 {
			w.add("miss", r.File, r.Text, "host", host, "path", path, "pod", r.Fields["pod"], "state", "no-host", "virtualservice", "", "bestHost", "", "other", "", "otherHost", "", "pattern", "")
			continue
		}
		w.observeMiss(r, host, path, candidates)
	}
}

// observeMiss says why none of the VirtualServices that have a host has the path.
func (w *world) observeMiss(r Record, host, path string, candidates []served) {
	best := candidates[0]
	note := func(state string, other served, pattern string) {
		name := ""
		if other.vs != nil {
			name = id(other.vs.GetNamespace(), other.vs.GetName())
		}
		w.add("miss", r.File, r.Text, "host", host, "path", path, "pod", r.Fields["pod"], "state", state,
			"virtualservice", id(best.vs.GetNamespace(), best.vs.GetName()), "bestHost", best.host, "other", name, "otherHost", other.host, "pattern", pattern)
	}
	for _, c := range candidates {
		if c.host == best.host && takes(c.vs, path) {
			return // it has been put right since
		}
	}
	for _, c := range candidates {
		if pattern := starred(c.vs, path); pattern != "" && c.host == best.host {
			best = c
			note("star", served{}, pattern)
			return
		}
	}
	for _, other := range candidates {
		if other.host != best.host && takes(other.vs, path) {
			note("swallowed", other, "")
			return
		}
	}
	if state, which, what := unmet(candidates, path); state != "" {
		best = which
		note(state, served{}, what)
	}
}

// unmet says why no route of the most specific host takes a path: conditions of those whose
// path fits, or the paths that there are. Of routes that are delegated it is not known.
func unmet(candidates []served, path string) (state string, which served, what string) {
	var paths []string
	for _, c := range candidates {
		if c.host != candidates[0].host {
			break
		}
		for _, route := range list(c.vs.Object, "spec", "http") {
			if at(route, "delegate") != nil {
				return "", served{}, ""
			}
			for _, m := range list(route, "match") {
				if at(m, "uri") != nil && !uriFits(m, path) {
					paths = append(paths, pathOf(m))
					continue
				}
				return "conditions", c, conditionsOf(m)
			}
		}
	}
	if len(paths) == 0 {
		return "", served{}, ""
	}
	return "no-path", candidates[0], strings.Join(paths, ", ")
}

// pathOf is the path that a match asks for, and how.
func pathOf(match map[string]any) string {
	for _, kind := range []string{"exact", "prefix", "regex"} {
		if path := str(match, "uri", kind); path != "" {
			return kind + " " + path
		}
	}
	return "none"
}

// conditionsOf says what a match asks for besides the path.
func conditionsOf(match map[string]any) string {
	var words []string
	for key, value := range match {
		switch key {
		case "uri", "name", "ignoreUriCase":
		case "port":
			words = append(words, "port "+str(match, key))
		case "headers", "queryParams", "withoutHeaders":
			for _, name := range slices.Sorted(maps.Keys(labelsAt(match, key))) {
				words = append(words, key+" "+name)
			}
		case "method", "authority", "scheme":
			for _, kind := range []string{"exact", "prefix", "regex"} {
				if v := str(match, key, kind); v != "" {
					words = append(words, key+" "+v)
				}
			}
		default:
			words = append(words, fmt.Sprintf("%s %v", key, value))
		}
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

// starred returns the pattern with a star that would take a path if the star stood for
// anything, which it does not.
func starred(vs *object, path string) string {
	for _, route := range list(vs.Object, "spec", "http") {
		for _, m := range list(route, "match") {
			for _, kind := range []string{"prefix", "exact"} {
				pattern := str(m, "uri", kind)
				if before, _, has := strings.Cut(pattern, "*"); has && strings.HasPrefix(path, before) {
					return kind + ": " + pattern
				}
			}
		}
	}
	return ""
}

// served is a VirtualService with the host of it that fits a request.
type served struct {
	vs   *object
	host string
}

// servedHosts returns the VirtualServices of a gateway pod that have a host, the most
// specific first.
func (w *world) servedHosts(podName, host string) []served {
	pod := w.pod(split(podName))
	if pod == nil {
		return nil
	}
	var found []served
	for i := range w.others[routesKind] {
		vs := &w.others[routesKind][i]
		if !w.attached(vs, pod.Labels) {
			continue
		}
		for _, h := range texts(vs.Object, "spec", "hosts") {
			if h == host || h == "*" || strings.HasPrefix(h, "*.") && strings.HasSuffix(host, h[1:]) {
				found = append(found, served{vs, h})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b served) int {
		return cmp.Or(strings.Count(a.host, "*")-strings.Count(b.host, "*"), len(b.host)-len(a.host))
	})
	return found
}

// attached says whether a VirtualService names a Gateway of pods with these labels.
func (w *world) attached(vs *object, labels map[string]string) bool {
	for _, name := range texts(vs.Object, "spec", "gateways") {
		namespace, gateway, qualified := strings.Cut(name, "/")
		if !qualified || namespace == "." {
			namespace, gateway = vs.GetNamespace(), strings.TrimPrefix(name, "./")
		}
		for _, g := range w.others[gatewaysKind] {
			if g.GetNamespace() == namespace && g.GetName() == gateway && selects(labelsAt(g.Object, "spec", "selector"), labels) {
				return true
			}
		}
	}
	return false
}

// takes says whether an HTTP route of a VirtualService fits a path; conditions on
// anything else count as not met.
func takes(vs *object, path string) bool {
	for _, route := range list(vs.Object, "spec", "http") {
		matches := list(route, "match")
		if len(matches) == 0 {
			return true
		}
		for _, m := range matches {
			if len(m) == 1 && uriFits(m, path) {
				return true
			}
		}
	}
	return false
}

func uriFits(match map[string]any, path string) bool {
	if exact := str(match, "uri", "exact"); exact != "" {
		return path == exact
	}
	if prefix := str(match, "uri", "prefix"); prefix != "" {
		return strings.HasPrefix(path, prefix)
	}
	if expression := str(match, "uri", "regex"); expression != "" {
		fits, err := regexp.MatchString("^(?:"+expression+")$", path)
		return err == nil && fits
	}
	return false
}
