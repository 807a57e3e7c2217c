package stack

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Labels by which a pod or a namespace asks for a sidecar.
// https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/#controlling-the-injection-policy
const (
	NamespaceLabel = "istio-injection"
	InjectLabel    = "sidecar.istio.io/inject"
	RevisionLabel  = "istio.io/rev"
)

// defaultRevision is the revision of an istiod that was installed without one.
const defaultRevision = "default"

// Revision is that of the control plane under test, by which pods ask for it.
func (s *Stack) Revision() string { return cmp.Or(s.revision, defaultRevision) }

// Revised is the name of an object of istiod's that each revision has.
func (s *Stack) Revised(name string) string {
	if s.Revision() == defaultRevision {
		return name
	}
	return name + "-" + s.revision
}

// HasDefault reports whether the labels without a revision lead to the control plane:
// istio-injection of a namespace, and sidecar.istio.io/inject of a pod.
func (s *Stack) HasDefault() bool { return s.injection[RevisionLabel] == "" }

// findInjection returns the labels by which a namespace asks for istiod's sidecars:
// istio-injection where the default revision or its tag is there, else the revision's.
func (s *Stack) findInjection(ctx context.Context) (map[string]string, error) {
	if s.revision == defaultRevision {
		return map[string]string{NamespaceLabel: "enabled"}, nil
	}
	var hooks admissionv1.MutatingWebhookConfigurationList
	if err := s.Client.List(ctx, &hooks, client.MatchingLabels{"app": "sidecar-injector"}); err != nil {
		return nil, fmt.Errorf("list MutatingWebhookConfigurations: %w", err)
	}
	tagged, other := defaultOf(hooks.Items, s.revision)
	if s.otherDefault = other; tagged {
		return map[string]string{NamespaceLabel: "enabled"}, nil
	}
	return map[string]string{RevisionLabel: s.revision}, nil
}

// defaultOf reports whether the tag default is a revision's, or else whether another
// control plane injects by default.
func defaultOf(hooks []admissionv1.MutatingWebhookConfiguration, revision string) (tagged, other bool) {
	for i := range hooks {
		tag, of := hooks[i].Labels["istio.io/tag"] == defaultRevision, hooks[i].Labels[RevisionLabel]
		tagged = tagged || tag && of == revision
		other = other || of != revision && (tag || of == defaultRevision)
	}
	return tagged, other && !tagged
}

// OtherDefault reports whether the labels without a revision lead to another control plane
// than the one under test.
func (s *Stack) OtherDefault() bool { return s.otherDefault }

// WhyUnvalidated says why no istiod judges objects that name no revision; empty when one
// does, and where that is not known. In a cluster that is made here one must.
func (s *Stack) WhyUnvalidated() string {
	if !s.Existing() || s.Cluster == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	all, err := s.Cluster.Kube.AdmissionregistrationV1().ValidatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
	if err != nil || slices.ContainsFunc(all.Items, judgesAll) {
		return ""
	}
	return "no webhook has istiod judge objects that name no revision; chart base makes one with defaultRevision=" + s.Revision()
}

// judgesAll reports whether webhooks of Istio's are for objects without a label.
func judgesAll(c admissionv1.ValidatingWebhookConfiguration) bool {
	return slices.ContainsFunc(c.Webhooks, func(w admissionv1.ValidatingWebhook) bool {
		selector, err := metav1.LabelSelectorAsSelector(w.ObjectSelector)
		return strings.HasSuffix(w.Name, "validation.istio.io") && (w.ObjectSelector == nil || err == nil && selector.Matches(labels.Set{}))
	})
}

// Asking are the labels of a pod that asks for a sidecar, in a namespace that does not.
func (s *Stack) Asking() map[string]string {
	asking := map[string]string{InjectLabel: "true"}
	if !s.HasDefault() {
		asking[RevisionLabel] = s.revision
	}
	return asking
}

// askRevision has the pods of an object that ask for a proxy ask the control plane
// under test for it.
func (s *Stack) askRevision(o *unstructured.Unstructured) error {
	for _, path := range [][]string{{"metadata", "labels"}, {"spec", "template", "metadata", "labels"}} {
		names, found, err := unstructured.NestedStringMap(o.Object, path...)
		if err != nil {
			return fmt.Errorf("labels of %s %s: %w", o.GetKind(), o.GetName(), err)
		}
		if !found || names[InjectLabel] != "true" {
			continue
		}
		maps.Copy(names, s.Asking())
		if err := unstructured.SetNestedStringMap(o.Object, names, path...); err != nil {
			return fmt.Errorf("labels of %s %s: %w", o.GetKind(), o.GetName(), err)
		}
	}
	return nil
}
