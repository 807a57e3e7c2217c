package kit

import (
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"

	"istio-conformance/internal/stack"
)

// Listable is one kind of objects that the API server can list.
type Listable struct {
	Resource   schema.GroupVersionResource
	Kind       string
	Namespaced bool
}

// passing are kinds whose objects come and go by themselves.
var passing = []string{"Event", "EndpointSlice", "Endpoints", "Pod", "ReplicaSet", "ControllerRevision", "PodMetrics", "NodeMetrics", "ComponentStatus"}

// ListableKinds returns the kinds that can be listed, each at one version, but for
// those whose objects come and go by themselves.
func ListableKinds(s *stack.Stack) ([]Listable, error) {
	lists, err := discovery.ServerPreferredResources(s.Cluster.Kube.Discovery())
	if err != nil {
		return nil, fmt.Errorf("the kinds that the API server has: %w", err)
	}
	var kinds []Listable
	for _, list := range lists {
		group, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, r := range list.APIResources {
			if slices.Contains(r.Verbs, "list") && slices.Contains(r.Verbs, "delete") && !slices.Contains(passing, r.Kind) {
				kinds = append(kinds, Listable{group.WithResource(r.Name), r.Kind, r.Namespaced})
			}
		}
	}
	return kinds, nil
}

// OfIstio reports whether the kind is of Istio's own groups.
func (l Listable) OfIstio() bool { return strings.HasSuffix(l.Resource.Group, ".istio.io") }

// List returns all objects of the kind.
func (l Listable) List(ctx context.Context, s *stack.Stack) ([]unstructured.Unstructured, error) {
	list, err := s.Cluster.Dynamic.Resource(l.Resource).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", l.Resource, err)
	}
	return list.Items, nil
}

// Name is "<kind> <name>", or "<kind> <namespace>/<name>".
func (l Listable) Name(o *unstructured.Unstructured) string {
	if l.Namespaced {
		return fmt.Sprintf("%s %s/%s", l.Kind, o.GetNamespace(), o.GetName())
	}
	return l.Kind + " " + o.GetName()
}
