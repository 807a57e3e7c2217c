package kube

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Difference is one field that does not have the value that it should.
type Difference struct {
	// Path is the field's, such as spec.template.spec.containers[discovery].image.
	Path string
	// Want and Got are the values; nil is a field that is not there.
	Want, Got any
}

// String is the difference in one line.
func (d Difference) String() string {
	return fmt.Sprintf("%s: want %s, got %s", d.Path, shown(d.Want), shown(d.Got))
}

// shownLength is how much of a value a difference repeats.
const shownLength = 120

func shown(value any) string {
	if value == nil {
		return "nothing"
	}
	text := fmt.Sprintf("%v", value)
	if s, ok := value.(string); ok {
		text = fmt.Sprintf("%q", s)
	}
	if len(text) > shownLength {
		text = strings.ToValidUTF8(text[:shownLength], "") + "..."
	}
	return text
}

// Drift compares an object with what was asked for: every field that want sets
// must have the same value in got, which may have more of them, for the API
// server fills in defaults. Items of a list are found by their name, key or port
// where they have one, because others may add items of their own. Different
// notations of one quantity are equal, and so are an empty value and none.
func Drift(want, got map[string]any) []Difference { return driftOfMap("", want, got) }

func drift(path string, want, got any) []Difference {
	if equal(path, want, got) {
		return nil
	}
	switch want := want.(type) {
	case map[string]any:
		if got, ok := got.(map[string]any); ok {
			return driftOfMap(path, want, got)
		}
	case []any:
		if got, ok := got.([]any); ok {
			return driftOfList(path, want, got)
		}
	}
	return []Difference{{path, want, got}}
}

func driftOfMap(path string, want, got map[string]any) []Difference {
	var found []Difference
	for _, key := range slices.Sorted(maps.Keys(want)) {
		found = append(found, drift(join(path, key), want[key], got[key])...)
	}
	return found
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// driftOfList pairs the items by name where all of them have one, and by their
// place otherwise; then a list must not have more items either.
func driftOfList(path string, want, got []any) []Difference {
	key := itemKey(want)
	if key == "" {
		if len(want) != len(got) {
			return []Difference{{path, want, got}}
		}
		var found []Difference
		for i := range want {
			found = append(found, drift(fmt.Sprintf("%s[%d]", path, i), want[i], got[i])...)
		}
		return found
	}
	var found []Difference
	for _, item := range want {
		name := item.(map[string]any)[key]
		at := fmt.Sprintf("%s[%v]", path, name)
		i := slices.IndexFunc(got, func(other any) bool {
			m, ok := other.(map[string]any)
			return ok && equal(at, name, m[key])
		})
		if i < 0 {
			found = append(found, Difference{at, item, nil})
			continue
		}
		found = append(found, drift(at, item, got[i])...)
	}
	return found
}

// itemKeys are the fields by which Kubernetes' own lists tell their items apart,
// the most telling first.
var itemKeys = []string{"name", "mountPath", "containerPort", "port", "topologyKey", "type", "kind"}

// itemKey returns a field that all items have, with different values; empty if
// there is none.
func itemKey(items []any) string {
	for _, key := range itemKeys {
		seen := map[string]bool{}
		for _, item := range items {
			m, ok := item.(map[string]any)
			if !ok || m[key] == nil {
				break
			}
			seen[fmt.Sprint(m[key])] = true
		}
		if len(items) > 0 && len(seen) == len(items) {
			return key
		}
	}
	return ""
}

// equal compares two values as the API server would: what is empty is left out,
// numbers have one type, quantities one notation.
func equal(path string, want, got any) bool {
	if reflect.DeepEqual(want, got) || empty(want) && empty(got) {
		return true
	}
	if a, ok := number(want); ok {
		if b, ok := number(got); ok {
			return a == b
		}
	}
	if !isQuantity(path) {
		return false
	}
	a, errA := resource.ParseQuantity(fmt.Sprint(want))
	b, errB := resource.ParseQuantity(fmt.Sprint(got))
	return errA == nil && errB == nil && a.Cmp(b) == 0
}

// isQuantity reports whether the field holds a quantity: elsewhere "1" and "1000m"
// are different words.
func isQuantity(path string) bool {
	for _, parent := range []string{"resources.limits.", "resources.requests.", "averageValue", "sizeLimit", "divisor", "spec.hard."} {
		if strings.Contains(path, parent) {
			return true
		}
	}
	return false
}

func number(value any) (float64, bool) {
	switch value := value.(type) {
	case int64:
		return float64(value), true
	case float64:
		return value, true
	case int:
		return float64(value), true
	}
	return 0, false
}

// empty reports whether the API server would leave the value out.
func empty(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case map[string]any:
		for _, field := range value {
			if !empty(field) {
				return false
			}
		}
		return true
	case []any:
		return len(value) == 0
	default:
		return reflect.ValueOf(value).IsZero()
	}
}
