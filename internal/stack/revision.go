package stack

import (
	"context"
	"fmt"
	"maps"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Labels by which a pod or a namespace asks for a sidecar.
// https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/#controlling-the-injection-policy
const (
	namespaceLabel = "istio-injection"
	podLabel       = "sidecar.istio.io/inject"
	revisionLabel  = "istio.io/rev"
)

// defaultRevision is the revision of an istiod that was installed without one.
const defaultRevision = "default"

// Revision is that of the control plane under test, by which pods ask for it.
func (s *Stack) Revision() string {
	if s.revision == "" {
		return defaultRevision
	}
	return s.revision
}

// Revised is the name of an object of istiod's that each revision has.
func (s *Stack) Revised(name string) string {
	if s.Revision() == defaultRevision {
		return name
	}
	return name + "-" + s.revision
}

// HasDefault reports whether the labels without a revision lead to the control plane:
// istio-injection of a namespace, and sidecar.istio.io/inject of a pod.
func (s *Stack) HasDefault() bool { return s.injection[revisionLabel] == "" }

// findInjection returns the labels by which a namespace asks for istiod's sidecars:
// istio-injection where the default revision or its tag is there, else the revision's.
func (s *Stack) findInjection(ctx context.Context) (map[string]string, error) {
	if s.revision == defaultRevision {
		return map[string]string{namespaceLabel: "enabled"}, nil
	}
	var hooks admissionv1.MutatingWebhookConfigurationList
	if err := s.Client.List(ctx, &hooks, client.MatchingLabels{"istio.io/tag": "default"}); err != nil {
		return nil, fmt.Errorf("list MutatingWebhookConfigurations: %w", err)
	}
	if len(hooks.Items) > 0 {
		return map[string]string{namespaceLabel: "enabled"}, nil
	}
	return map[string]string{revisionLabel: s.revision}, nil
}

// Asking are the labels of a pod that asks for a sidecar, in a namespace that does not.
func (s *Stack) Asking() map[string]string {
	labels := map[string]string{podLabel: "true"}
	if !s.HasDefault() {
		labels[revisionLabel] = s.revision
	}
	return labels
}

// askRevision has the pods of an object that ask for a proxy ask the control plane
// under test for it.
func (s *Stack) askRevision(o *unstructured.Unstructured) error {
	for _, path := range [][]string{{"metadata", "labels"}, {"spec", "template", "metadata", "labels"}} {
		labels, found, err := unstructured.NestedStringMap(o.Object, path...)
		if err != nil {
			return fmt.Errorf("labels of %s %s: %w", o.GetKind(), o.GetName(), err)
		}
		if !found || labels[podLabel] != "true" {
			continue
		}
		maps.Copy(labels, s.Asking())
		if err := unstructured.SetNestedStringMap(o.Object, labels, path...); err != nil {
			return fmt.Errorf("labels of %s %s: %w", o.GetKind(), o.GetName(), err)
		}
	}
	return nil
}
