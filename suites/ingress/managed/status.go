package managed

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/stack"
)

// get reads an object of the Gateway API.
func get(ctx context.Context, s *stack.Stack, kind, namespace, name string) (*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: kind})
	if err := s.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, object); err != nil {
		return nil, fmt.Errorf("get %s %s/%s: %w", kind, namespace, name, err)
	}
	return object, nil
}

// listener is what a Gateway says of one of its listeners.
type listener struct {
	Attached int64
	// Conditions are reasons by type, such as ResolvedRefs: RefNotPermitted.
	Conditions map[string]string
}

// listeners reads a Gateway's listeners by name.
func listeners(ctx context.Context, s *stack.Stack, gateway string) (map[string]listener, error) {
	object, err := get(ctx, s, "Gateway", s.Namespace, gateway)
	if err != nil {
		return nil, err
	}
	list, _, err := unstructured.NestedSlice(object.Object, "status", "listeners")
	if err != nil {
		return nil, err
	}
	found := map[string]listener{}
	for _, item := range list {
		fields, _ := item.(map[string]any)
		name, _, _ := unstructured.NestedString(fields, "name")
		attached, _, _ := unstructured.NestedInt64(fields, "attachedRoutes")
		conditions, _, _ := unstructured.NestedSlice(fields, "conditions")
		found[name] = listener{attached, reasons(conditions)}
	}
	return found, nil
}

// routeReasons reads the reasons that a route has from its first parent, by type.
func routeReasons(ctx context.Context, s *stack.Stack, kind, namespace, name string) (map[string]string, error) {
	object, err := get(ctx, s, kind, namespace, name)
	if err != nil {
		return nil, err
	}
	parents, _, err := unstructured.NestedSlice(object.Object, "status", "parents")
	if err != nil || len(parents) == 0 {
		return nil, err
	}
	parent, _ := parents[0].(map[string]any)
	conditions, _, err := unstructured.NestedSlice(parent, "conditions")
	return reasons(conditions), err
}

// reasons are those of conditions by type: the reason of one that is true is its own name
// in most cases.
func reasons(conditions []any) map[string]string {
	found := map[string]string{}
	for _, c := range conditions {
		fields, _ := c.(map[string]any)
		kind, _ := fields["type"].(string)
		reason, _ := fields["reason"].(string)
		found[kind] = reason
	}
	return found
}
