package stack

import (
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"istio-conformance/internal/mesh/istio"
)

// ExpectedCRDs returns the CRDs of the installed base chart, read from the
// release that Helm keeps and not from the cluster's CRDs.
func (s *Stack) ExpectedCRDs(ctx context.Context) ([]istio.CRD, error) {
	if s.WhyNoRecord("base") != "" {
		return s.servedCRDs(ctx)
	}
	base := s.Releases[0]
	release, err := s.Helm.Get(ctx, base.Namespace, base.Name)
	if err != nil {
		return nil, err
	}
	templated, err := istio.ExpectedCRDs(release.Manifest)
	if err != nil {
		return nil, err
	}
	for i := range templated {
		templated[i].Templated = true
	}
	// Charts before 1.24 have them in crds/, which Helm does not render.
	var files []string
	for _, crd := range release.Chart.CRDObjects() {
		files = append(files, string(crd.File.Data))
	}
	static, err := istio.ExpectedCRDs(strings.Join(files, "\n---\n"))
	return slices.Concat(templated, static), err
}

// servedCRDs returns the CRDs of Istio's that the cluster has, where no release tells
// which it should have.
func (s *Stack) servedCRDs(ctx context.Context) ([]istio.CRD, error) {
	list, err := s.Cluster.APIExtensions.ApiextensionsV1().CustomResourceDefinitions().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list CustomResourceDefinitions: %w", err)
	}
	var documents []string
	for i := range list.Items {
		if !strings.HasSuffix(list.Items[i].Spec.Group, ".istio.io") {
			continue
		}
		list.Items[i].APIVersion, list.Items[i].Kind = "apiextensions.k8s.io/v1", "CustomResourceDefinition"
		document, err := yaml.Marshal(list.Items[i])
		if err != nil {
			return nil, fmt.Errorf("CustomResourceDefinition %s: %w", list.Items[i].Name, err)
		}
		documents = append(documents, string(document))
	}
	return istio.ExpectedCRDs(strings.Join(documents, "\n---\n"))
}
