package diagnose

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// object is one of a kind that is not read into a type of its own.
type object = unstructured.Unstructured

// at returns what is below the keys of an object; nil where nothing is.
func at(object map[string]any, keys ...string) any {
	value, _, err := unstructured.NestedFieldNoCopy(object, keys...)
	if err != nil {
		return nil
	}
	return value
}

// str returns a value as text; "" where nothing is.
func str(object map[string]any, keys ...string) string {
	switch v := at(object, keys...).(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return fmt.Sprintf("%g", v)
	default:
		return fmt.Sprint(v)
	}
}

// list returns the objects in a list.
func list(object map[string]any, keys ...string) []map[string]any {
	raw, _ := at(object, keys...).([]any)
	found := make([]map[string]any, 0, len(raw))
	for _, item := range raw {
		if m, ok := item.(map[string]any); ok {
			found = append(found, m)
		}
	}
	return found
}

// texts returns the strings in a list.
func texts(object map[string]any, keys ...string) []string {
	raw, _ := at(object, keys...).([]any)
	found := make([]string, 0, len(raw))
	for _, item := range raw {
		found = append(found, fmt.Sprint(item))
	}
	return found
}

// labelsAt returns a map of strings.
func labelsAt(object map[string]any, keys ...string) map[string]string {
	raw, _ := at(object, keys...).(map[string]any)
	found := make(map[string]string, len(raw))
	for k, v := range raw {
		found[k] = fmt.Sprint(v)
	}
	return found
}

// selects says whether the labels have all of the selector's.
func selects(selector, labels map[string]string) bool {
	for k, v := range selector {
		if labels[k] != v {
			return false
		}
	}
	return true
}
