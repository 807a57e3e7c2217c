package diagnose

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// decided matches the flags of answers that a VirtualService decides.
var decided = regexp.MustCompile(`(^|,)(FI|DI|UT)(,|$)`)

// observeAnswers makes a record of each request through a gateway that a VirtualService
// decided the outcome of, by an injected fault or by its timeout.
func (w *world) observeAnswers() {
	for _, r := range w.records["access"] {
		if r.Fields["role"] != "gateway" || !decided.MatchString(r.Fields["flags"]) {
			continue
		}
		host, _, _ := strings.Cut(r.Fields["host"], ":")
		path, _, _ := strings.Cut(r.Fields["path"], "?")
		candidates := w.servedHosts(r.Fields["pod"], host)
		for _, c := range candidates {
			route := taking(c.vs, path)
			if c.host != candidates[0].host || route == nil {
				continue
			}
			w.add("answer", r.File, r.Text, "host", host, "path", path, "pod", r.Fields["pod"], "virtualservice", id(c.vs.GetNamespace(), c.vs.GetName()),
				"flags", r.Fields["flags"], "status", r.Fields["status"], "timeout", str(route, "timeout"), "fault", yes(at(route, "fault") != nil), "past", r.Fields["past"])
			break
		}
	}
}

// taking returns the first route of a VirtualService that takes a path; conditions on
// anything else count as not met.
func taking(vs *object, path string) map[string]any {
	for _, route := range list(vs.Object, "spec", "http") {
		matches := list(route, "match")
		if len(matches) == 0 {
			return route
		}
		for _, m := range matches {
			if len(m) == 1 && uriFits(m, path) {
				return route
			}
		}
	}
	return nil
}

// observeShadows makes a record of each VirtualService of which a path is never asked:
// those of one host and Gateway are put together by age, and the first route that fits
// is taken; only what takes everything is moved to the end.
// Source: istio.io/istio/pilot/pkg/networking/core/route, SortVHostRoutes.
func (w *world) observeShadows() {
	sorted := slices.Clone(w.others[routesKind])
	slices.SortFunc(sorted, func(a, b object) int {
		return cmp.Or(a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time), strings.Compare(a.GetName()+"."+a.GetNamespace(), b.GetName()+"."+b.GetNamespace()))
	})
	for i := range sorted {
		for j := i + 1; j < len(sorted); j++ {
			w.observeShadow(&sorted[i], &sorted[j])
		}
	}
}

func (w *world) observeShadow(older, younger *object) {
	host := common(texts(older.Object, "spec", "hosts"), texts(younger.Object, "spec", "hosts"))
	if host == "" || !w.shareGateway(older, younger) {
		return
	}
	for _, route := range list(younger.Object, "spec", "http") {
		for _, m := range list(route, "match") {
			path := cmp.Or(str(m, "uri", "prefix"), str(m, "uri", "exact"))
			other := covering(older, path)
			if path == "" || other == "" {
				continue
			}
			w.add("shadow", fileOf(younger.GetNamespace(), routesKind), "VirtualService "+id(younger.GetNamespace(), younger.GetName())+": "+path+" of "+host+" is taken by "+id(older.GetNamespace(), older.GetName()),
				"virtualservice", id(younger.GetNamespace(), younger.GetName()), "ns", younger.GetNamespace(), "other", id(older.GetNamespace(), older.GetName()),
				"host", host, "path", path, "otherPath", other)
			return
		}
	}
}

// covering returns the prefix, narrower than everything, by which a VirtualService takes
// all that another one's path would.
func covering(vs *object, path string) string {
	for _, route := range list(vs.Object, "spec", "http") {
		for _, m := range list(route, "match") {
			if prefix := str(m, "uri", "prefix"); len(m) == 1 && len(prefix) > 1 && strings.HasPrefix(path, prefix) {
				return prefix
			}
		}
	}
	return ""
}

func common(a, b []string) string {
	for _, x := range a {
		if slices.Contains(b, x) {
			return x
		}
	}
	return ""
}

// shareGateway says whether two VirtualServices name the same Gateway.
func (w *world) shareGateway(a, b *object) bool {
	for _, x := range texts(a.Object, "spec", "gateways") {
		for _, y := range texts(b.Object, "spec", "gateways") {
			nsX, nameX := gatewayName(a, x)
			nsY, nameY := gatewayName(b, y)
			if x != "mesh" && nsX == nsY && nameX == nameY {
				return true
			}
		}
	}
	return false
}
