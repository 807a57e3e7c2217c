package istio

import (
	"fmt"

	"sigs.k8s.io/yaml"

	"istio-conformance/fixtures"
)

const notedFile = "crds.yaml"

// NotedCRD is a kind that operators rely on, at one version that is served.
type NotedCRD struct {
	Kind, Group, Version string
}

// notes is fixtures/crds.yaml.
type notes struct {
	Kinds []notedKind `json:"kinds"`
}

type notedKind struct {
	Kind     string         `json:"kind"`
	Group    string         `json:"group"`
	Versions []notedVersion `json:"versions"`
}

type notedVersion struct {
	Name string `json:"name"`
	// From and Until are the first and the last Istio minor that serves it.
	From  *Version `json:"from,omitempty"`
	Until *Version `json:"until,omitempty"`
}

func (v notedVersion) servedBy(istio Version) bool {
	return (v.From == nil || compareMinor(*v.From, istio) <= 0) && (v.Until == nil || compareMinor(istio, *v.Until) <= 0)
}

// NotedCRDs returns what the chart of an Istio version must serve according to
// fixtures/crds.yaml, one entry a kind and version, in the table's order.
func NotedCRDs(istio string) ([]NotedCRD, error) {
	version, err := ParseVersion(istio)
	if err != nil {
		return nil, fmt.Errorf("noted CRDs: %w", err)
	}
	table, err := loadNotes()
	if err != nil {
		return nil, err
	}
	var served []NotedCRD
	for _, k := range table.Kinds {
		for _, v := range k.Versions {
			if v.servedBy(version) {
				served = append(served, NotedCRD{Kind: k.Kind, Group: k.Group, Version: v.Name})
			}
		}
	}
	return served, nil
}

func loadNotes() (*notes, error) {
	data, err := fixtures.Files.ReadFile(notedFile)
	if err != nil {
		return nil, fmt.Errorf("read the table of CRDs: %w", err)
	}
	var table notes
	if err := yaml.UnmarshalStrict(data, &table); err != nil {
		return nil, fmt.Errorf("table of CRDs %s: %w", notedFile, err)
	}
	return &table, nil
}
