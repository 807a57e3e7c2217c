package stack

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"istio-conformance/internal/mesh/kube"
)

// everywhere is what an object's exportTo says to be seen in all namespaces.
const everywhere = "*"

// exportAnnotation is what a Service has for the field exportTo.
// https://istio.io/latest/docs/reference/config/annotations/#NetworkingExportTo
const exportAnnotation = "networking.istio.io/exportTo"

// exports are the defaults of a mesh for objects that say nothing of exportTo; none
// means everywhere.
// https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig
type exports struct {
	Services         []string `json:"defaultServiceExportTo"`
	VirtualServices  []string `json:"defaultVirtualServiceExportTo"`
	DestinationRules []string `json:"defaultDestinationRuleExportTo"`
}

// of is the default for a kind; none as well for a kind that is not exported.
func (e exports) of(kind string) []string {
	switch kind {
	case "Service", "ServiceEntry":
		return e.Services
	case "VirtualService":
		return e.VirtualServices
	case "DestinationRule":
		return e.DestinationRules
	}
	return nil
}

// show has an object say that it is seen everywhere, where it says nothing and the
// mesh's default would hide it from the gateway.
func (e exports) show(o *unstructured.Unstructured) error {
	if narrow := e.of(o.GetKind()); len(narrow) == 0 || slices.Contains(narrow, everywhere) {
		return nil
	}
	field := []string{"spec", "exportTo"}
	if o.GetKind() == "Service" {
		field = []string{"metadata", "annotations", exportAnnotation}
	}
	if _, said, err := unstructured.NestedFieldNoCopy(o.Object, field...); err != nil || said {
		return err
	}
	if o.GetKind() == "Service" {
		return unstructured.SetNestedField(o.Object, everywhere, field...)
	}
	return unstructured.SetNestedStringSlice(o.Object, []string{everywhere}, field...)
}

// Apply makes the objects of a check in a namespace. The gateway sees them also where
// objects are seen in their own namespace alone unless they say otherwise, and Gateway
// resources in the gateway's namespace alone; pods that ask for a proxy get it also where
// istiod answers to its revision's name alone.
func (s *Stack) Apply(ctx context.Context, namespace string, objects []*unstructured.Unstructured) error {
	for _, o := range objects {
		if err := s.exports.show(o); err != nil {
			return err
		}
		if err := s.askRevision(o); err != nil {
			return err
		}
		if s.scoped && !s.Existing() {
			if err := scope(o, s.Gateway.Namespace); err != nil {
				return err
			}
		}
		if s.Existing() {
			if err := restrict(o); err != nil {
				return fmt.Errorf("%s: %w", kube.Name(o), err)
			}
		}
	}
	return kube.Apply(ctx, s.Client, namespace, objects)
}

// scope has a Gateway resource be in the gateway's namespace, and a VirtualService name
// it there.
func scope(o *unstructured.Unstructured, namespace string) error {
	switch o.GroupVersionKind().GroupKind().String() {
	case "Gateway.networking.istio.io":
		if o.GetNamespace() == "" {
			o.SetNamespace(namespace)
		}
	case "VirtualService.networking.istio.io":
		names, found, err := unstructured.NestedStringSlice(o.Object, "spec", "gateways")
		if err != nil || !found {
			return err
		}
		for i, name := range names {
			if name != "mesh" && !strings.Contains(name, "/") {
				names[i] = namespace + "/" + name
			}
		}
		return unstructured.SetNestedStringSlice(o.Object, names, "spec", "gateways")
	}
	return nil
}
