package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// difference is one field that a proxy is sent otherwise.
type difference struct {
	// path is within the resource: "virtualHosts[web:80].routes[0].route.timeout".
	path string
	// before and after are nil where there is nothing.
	before, after any
	// object is the Istio object that the configuration says it comes from, as
	// "virtual-service shop/web"; empty where it says none.
	object string
}

// diff compares two values below a path.
func diff(before, after any, path, object string, report func(difference)) {
	if reflect.DeepEqual(before, after) {
		return
	}
	a, aTable := before.(map[string]any)
	b, bTable := after.(map[string]any)
	if aTable && bTable {
		object = cmp.Or(source(b), source(a), object)
		for _, key := range slices.Sorted(maps.Keys(union(a, b))) {
			diff(a[key], b[key], strings.TrimPrefix(path+"."+key, "."), cmp.Or(policy(key), object), report)
		}
		return
	}
	list, aList := before.([]any)
	other, bList := after.([]any)
	if !aList || !bList {
		report(difference{path, before, after, cmp.Or(within(after), within(before), object)})
		return
	}
	names, ok := named(list)
	others, okToo := named(other)
	if !ok || !okToo {
		diffItems(list, other, path, object, report)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(union(names.items, others.items))) {
		diff(names.items[name], others.items[name], path+"["+name+"]", object, report)
	}
	common := func(order []string, in map[string]any) []string {
		return slices.DeleteFunc(slices.Clone(order), func(name string) bool { return in[name] == nil })
	}
	if x, y := common(names.order, others.items), common(others.order, names.items); !slices.Equal(x, y) {
		report(difference{path + " (order)", strings.Join(x, ", "), strings.Join(y, ", "), object})
	}
}

// diffItems compares lists whose items have no names, such as routes: what is the same at
// the beginning and at the end is passed over, so that one that is added is one difference.
func diffItems(before, after []any, path, object string, report func(difference)) {
	begin := 0
	for begin < min(len(before), len(after)) && reflect.DeepEqual(before[begin], after[begin]) {
		begin++
	}
	end := 0
	for end < min(len(before), len(after))-begin && reflect.DeepEqual(before[len(before)-1-end], after[len(after)-1-end]) {
		end++
	}
	a, b := before[begin:len(before)-end], after[begin:len(after)-end]
	for i := range max(len(a), len(b)) {
		var x, y any
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		diff(x, y, fmt.Sprintf("%s[%d]", path, begin+i), object, report)
	}
}

// items are those of a list by their names.
type items struct {
	items map[string]any
	order []string
}

// named returns the items of a list by name, if all have one of their own.
func named(list []any) (items, bool) {
	found := items{items: map[string]any{}}
	for _, item := range list {
		table, _ := item.(map[string]any)
		name, _ := table["name"].(string)
		if name == "" || found.items[name] != nil {
			return found, false
		}
		found.items[name] = item
		found.order = append(found.order, name)
	}
	return found, true
}

func union(a, b map[string]any) map[string]bool {
	keys := map[string]bool{}
	for _, table := range []map[string]any{a, b} {
		for key := range table {
			keys[key] = true
		}
	}
	return keys
}

// configPath is how istiod names the object that a resource comes from.
var configPath = regexp.MustCompile(`^/apis/[^/]+/[^/]+/namespaces/([^/]+)/([^/]+)/(.+)$`)

// policyName is how istiod names the policy that a rule comes from.
var policyName = regexp.MustCompile(`^(?:istio-ext-authz-)?ns\[([^\]]*)\]-policy\[([^\]]*)\]-rule`)

// source is the object that a piece of configuration says it comes from.
func source(value any) string {
	text, _ := dig(value, "metadata", "filterMetadata", "istio", "config").(string)
	if found := configPath.FindStringSubmatch(text); found != nil {
		return found[2] + " " + found[1] + "/" + found[3]
	}
	return ""
}

// policy is the policy that a key among the rules of access control names.
func policy(key string) string {
	if found := policyName.FindStringSubmatch(key); found != nil {
		return "authorization-policy " + found[1] + "/" + found[2]
	}
	return ""
}

// within is the first source in a value or below it.
func within(value any) string {
	if found := source(value); found != "" {
		return found
	}
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if found := cmp.Or(policy(key), within(v[key])); found != "" {
				return found
			}
		}
	case []any:
		for _, below := range v {
			if found := within(below); found != "" {
				return found
			}
		}
	}
	return ""
}

// served is the service of a cluster, as "service namespace/name".
func served(body map[string]any) string {
	services, _ := dig(body, "metadata", "filterMetadata", "istio", "services").([]any)
	if len(services) == 0 {
		return ""
	}
	return fmt.Sprintf("service %v/%v", dig(services[0], "namespace"), dig(services[0], "name"))
}

func dig(value any, path ...string) any {
	for _, key := range path {
		table, _ := value.(map[string]any)
		value = table[key]
	}
	return value
}

// shown is a value for people.
func shown(value any) string {
	const limit = 240
	if value == nil {
		return "(nothing)"
	}
	if s, ok := value.(string); ok {
		return cut(s, limit)
	}
	return cut(all(value), limit)
}

// all is a value as JSON.
func all(value any) string {
	content, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(content)
}

func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return s[:limit] + "..."
}
