package serverside

import (
	"fmt"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"

	"istio-conformance/fixtures"
	"istio-conformance/internal/mesh/charts"
)

// documented is an entry of fixtures/drift.yaml.
type documented struct {
	Chart    string         `json:"chart"`
	Object   string         `json:"object"`
	Field    string         `json:"field"`
	Rendered string         `json:"rendered"`
	Live     string         `json:"live"`
	Owner    string         `json:"owner"`
	Values   map[string]any `json:"values"`
	Link     string         `json:"link"`
}

// String is a conflict as the check writes it.
func (d documented) String() string {
	return fmt.Sprintf("%s: %s is %s's", d.Object, d.Field, d.Owner)
}

// readDocumented reads fixtures/drift.yaml.
func readDocumented() ([]documented, error) {
	content, err := fixtures.Files.ReadFile("drift.yaml")
	if err != nil {
		return nil, err
	}
	var all []documented
	if err := yaml.UnmarshalStrict(content, &all); err != nil {
		return nil, fmt.Errorf("fixtures/drift.yaml: %w", err)
	}
	return all, nil
}

// settling returns the releases with the values with which nothing drifts.
func settling(releases []charts.Release, known []documented) []charts.Release {
	var all []charts.Release
	for _, r := range releases {
		for _, d := range known {
			if strings.HasPrefix(filepath.Base(r.Chart), d.Chart+"-") {
				r.Values = charts.Values(r.Values, d.Values)
			}
		}
		all = append(all, r)
	}
	return all
}
