package istio

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

const crdKind = "CustomResourceDefinition"

// CRD is a custom resource definition as a chart brings it.
type CRD struct {
	// Name is the object's, "gateways.networking.istio.io".
	Name   string
	Group  string
	Kind   string
	Plural string
	// Names are all that the API server shall know the kind by.
	Names apiextensionsv1.CustomResourceDefinitionNames
	// Scope is Namespaced or Cluster.
	Scope string
	// Conversion is how one version becomes another: None or Webhook.
	Conversion string
	// Templated says that the chart renders it, and so Helm owns it; charts before
	// 1.24 have it in a folder that Helm only installs.
	Templated bool
	// Versions are in the chart's order.
	Versions []CRDVersion
}

// StorageVersion is the one version in which objects are stored.
func (c CRD) StorageVersion() string {
	i := slices.IndexFunc(c.Versions, func(v CRDVersion) bool { return v.Storage })
	return c.Versions[i].Name // decodeCRD saw to it that there is one
}

// CRDVersion is one version of a CRD.
type CRDVersion struct {
	Name    string
	Served  bool
	Storage bool
}

// ExpectedCRDs returns the CRDs in a rendered chart, sorted by name. Objects of
// other kinds are passed over. A CRD that occurs twice, or that does not store
// exactly one version, is an error: the API server would refuse it.
func ExpectedCRDs(manifest string) ([]CRD, error) {
	reader := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(manifest)))
	var found []CRD
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("split the manifest: %w", err)
		}
		crd, err := decodeCRD(document)
		if err != nil {
			return nil, err
		}
		if crd != nil {
			found = append(found, *crd)
		}
	}
	slices.SortFunc(found, func(a, b CRD) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(found); i++ {
		if found[i].Name == found[i-1].Name {
			return nil, fmt.Errorf("%s %s: twice in the manifest", crdKind, found[i].Name)
		}
	}
	return found, nil
}

// decodeCRD returns nil for a document of another kind.
func decodeCRD(document []byte) (*CRD, error) {
	var object apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(document, &object.TypeMeta); err != nil {
		return nil, fmt.Errorf("decode a document of the manifest: %w", err)
	}
	if object.Kind != crdKind {
		return nil, nil
	}
	if err := yaml.Unmarshal(document, &object); err != nil {
		return nil, fmt.Errorf("decode a %s of the manifest: %w", crdKind, err)
	}
	crd := &CRD{
		Name: object.Name, Group: object.Spec.Group, Kind: object.Spec.Names.Kind,
		Plural: object.Spec.Names.Plural, Names: object.Spec.Names, Scope: string(object.Spec.Scope),
		Conversion: string(apiextensionsv1.NoneConverter),
	}
	if c := object.Spec.Conversion; c != nil {
		crd.Conversion = string(c.Strategy)
	}
	stored := 0
	for _, v := range object.Spec.Versions {
		crd.Versions = append(crd.Versions, CRDVersion{Name: v.Name, Served: v.Served, Storage: v.Storage})
		if v.Storage {
			stored++
		}
	}
	if stored != 1 {
		return nil, fmt.Errorf("%s %s: stores %d versions, want 1", crdKind, crd.Name, stored)
	}
	return crd, nil
}
