package existing

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// own are what Kubernetes and Istio write by themselves, again and again: who
// leads, who is alive, who asked for a certificate.
var own = []string{"Lease", "Node", "CSINode", "IPAddress", "CertificateSigningRequest"}

// leader is the annotation in which istiod writes that it still leads.
const leader = "control-plane.alpha.kubernetes.io/leader"

// look returns what every object of the cluster says that is somebody's wish: by
// its name, a sum of all but its status and of who wrote it.
func look(ctx context.Context, s *stack.Stack) (map[string]string, error) {
	kinds, err := kit.ListableKinds(s)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, k := range kinds {
		if slices.Contains(own, k.Kind) {
			continue
		}
		items, err := k.List(ctx, s)
		if err != nil {
			return nil, err
		}
		for i := range items {
			sum, err := wish(&items[i])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", k.Name(&items[i]), err)
			}
			found[k.Name(&items[i])] = sum
		}
	}
	return found, nil
}

func wish(o *unstructured.Unstructured) (string, error) {
	fields := maps.Clone(o.Object)
	delete(fields, "status")
	metadata := maps.Clone(fields["metadata"].(map[string]any))
	for _, field := range []string{"resourceVersion", "managedFields", "generation"} {
		delete(metadata, field)
	}
	if annotations, found, err := unstructured.NestedStringMap(o.Object, "metadata", "annotations"); err == nil && found {
		delete(annotations, leader)
		metadata["annotations"] = annotations
	}
	fields["metadata"] = metadata
	text, err := json.Marshal(fields)
	return fmt.Sprintf("%x", sha256.Sum256(text)), err
}

// changes says which objects are new, gone or different.
func changes(before, after map[string]string) []string {
	var found []string
	for name, sum := range after {
		switch old, known := before[name]; {
		case !known:
			found = append(found, name+" is new")
		case old != sum:
			found = append(found, name+" is different")
		}
	}
	for name := range before {
		if _, stays := after[name]; !stays {
			found = append(found, name+" is gone")
		}
	}
	slices.Sort(found)
	return found
}
