package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// observeConditions makes records of what controllers report in the status of the
// Gateway API's objects, of Istio's and of autoscalers: of the object itself, of each
// listener, and of a route for each of its parents.
func (w *world) observeConditions() {
	for kind, objects := range w.others {
		if !strings.HasSuffix(kind, ".gateway.networking.k8s.io") && !strings.HasSuffix(kind, ".istio.io") && kind != "horizontalpodautoscalers.autoscaling" {
			continue
		}
		for i := range objects {
			o := &objects[i]
			w.statusConditions(kind, o, "", at(o.Object, "status"))
		}
	}
}

// statusConditions walks through a status; part names the listener or parent that the
// conditions found below it are about.
func (w *world) statusConditions(kind string, o *unstructured.Unstructured, part string, status any) {
	switch s := status.(type) {
	case []any:
		for _, item := range s {
			w.statusConditions(kind, o, part, item)
		}
	case map[string]any:
		if name := str(s, "name"); name != "" {
			part = " listener " + name
		} else if name := str(s, "parentRef", "name"); name != "" {
			part = " at " + name
		}
		// The more particular first: that the object is not valid follows from a listener,
		// and that a listener is not programmed from what it refers to.
		for key, below := range s {
			if key != "conditions" {
				w.statusConditions(kind, o, part, below)
			}
		}
		conditions := list(s, "conditions")
		slices.SortStableFunc(conditions, func(a, b map[string]any) int {
			return particular(str(a, "type")) - particular(str(b, "type"))
		})
		for _, c := range conditions {
			w.objectCondition(kind, o, part, c)
		}
	}
}

// particular is lower for conditions that say more of a cause.
func particular(conditionType string) int {
	return slices.Index([]string{"ResolvedRefs", "Accepted", "Programmed"}, conditionType)
}

func (w *world) objectCondition(kind string, o *unstructured.Unstructured, part string, c map[string]any) {
	status := str(c, "status")
	if status == "Unknown" && w.now.Sub(o.GetCreationTimestamp().Time) < settling {
		return // the controller has not come to it yet
	}
	name := id(o.GetNamespace(), o.GetName())
	w.add("condition", fileOf(o.GetNamespace(), kind),
		fmt.Sprintf("%s %s%s: %s=%s %s %s", o.GetKind(), name, part, str(c, "type"), status, str(c, "reason"), shorten(str(c, "message"))),
		"kind", o.GetKind(), "object", name, "ns", o.GetNamespace(), "pod", "", "part", part,
		"type", str(c, "type"), "status", status, "reason", str(c, "reason"), "message", strings.TrimSuffix(str(c, "message"), "."))
}

// observeHTTPRoutes makes a record of each HTTPRoute with a rule that has no backend and
// no filter that answers.
// Source: https://gateway-api.sigs.k8s.io/api-types/httproute/
func (w *world) observeHTTPRoutes() {
	for i := range w.others[httpRouteKind] {
		r := &w.others[httpRouteKind][i]
		for _, rule := range list(r.Object, "spec", "rules") {
			if len(list(rule, "backendRefs")) > 0 || len(list(rule, "filters")) > 0 {
				continue
			}
			name := id(r.GetNamespace(), r.GetName())
			w.add("httprule", fileOf(r.GetNamespace(), httpRouteKind), fmt.Sprintf("HTTPRoute %s: a rule without backendRefs and filters", name), "object", name, "ns", r.GetNamespace())
			break
		}
	}
}
