package stack

import (
	"cmp"
	"context"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// defaultTrustDomain is Istio's own.
const defaultTrustDomain = "cluster.local"

// Identity is the SPIFFE identity of a service account in the mesh.
func (s *Stack) Identity(namespace, account string) string {
	return fmt.Sprintf("spiffe://%s/ns/%s/sa/%s", cmp.Or(s.trustDomain, defaultTrustDomain), namespace, account)
}

// readMesh reads what the checks must know of somebody else's mesh configuration.
func (s *Stack) readMesh(ctx context.Context) error {
	m := &corev1.ConfigMap{}
	key := client.ObjectKey{Namespace: SystemNamespace, Name: s.Revised("istio")}
	if err := s.Client.Get(ctx, key, m); err != nil {
		return fmt.Errorf("get ConfigMap %s, the mesh configuration: %w", key, err)
	}
	var mesh struct {
		TrustDomain        string                 `json:"trustDomain"`
		DiscoverySelectors []metav1.LabelSelector `json:"discoverySelectors"`
		exports
	}
	if err := yaml.Unmarshal([]byte(m.Data["mesh"]), &mesh); err != nil {
		return fmt.Errorf("the mesh configuration in ConfigMap %s: %w", key, err)
	}
	s.trustDomain, s.exports = mesh.TrustDomain, mesh.exports
	if len(mesh.DiscoverySelectors) > 0 {
		s.selected = satisfying(mesh.DiscoverySelectors[0])
	}
	return nil
}

// selectorOf is a selector of values; what is none selects nothing by labels, and istiod
// refuses it.
func selectorOf(value any) (selector metav1.LabelSelector) {
	content, err := yaml.Marshal(value)
	if err != nil || yaml.Unmarshal(content, &selector) != nil {
		return metav1.LabelSelector{}
	}
	return selector
}

// satisfying are labels that a selector matches, where any do.
func satisfying(selector metav1.LabelSelector) map[string]string {
	found := map[string]string{}
	for _, e := range selector.MatchExpressions {
		switch e.Operator {
		case metav1.LabelSelectorOpIn:
			if len(e.Values) > 0 {
				found[e.Key] = e.Values[0]
			}
		case metav1.LabelSelectorOpExists:
			found[e.Key] = "true"
		case metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpDoesNotExist: // matched without
		}
	}
	maps.Copy(found, selector.MatchLabels)
	return found
}
