package istio

import (
	"fmt"
	"io/fs"

	"sigs.k8s.io/yaml"

	"istio-conformance/fixtures"
)

// Sample is a valid object of one kind of Istio's, and invalid ones.
type Sample struct {
	Kind  string `json:"kind"`
	Group string `json:"group"`
	// Valid is a spec that every served version accepts.
	Valid map[string]any `json:"valid"`
	// Schema is a spec that the CRD's schema refuses.
	Schema Invalid `json:"schema"`
	// Istiod is a spec that only istiod's webhook can refuse; nil where Istio has
	// no rule beyond the schema.
	Istiod *Invalid `json:"istiod,omitempty"`
}

// Invalid is a spec that must be refused.
type Invalid struct {
	Spec map[string]any `json:"spec"`
	// Names is what the refusal must name: a field's path, or a word.
	Names string `json:"names"`
}

// Samples returns fixtures/samples/*.yaml, one entry a kind, in the files' order.
func Samples() ([]Sample, error) {
	files, err := fs.Glob(fixtures.Files, "samples/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list the samples: %w", err)
	}
	var samples []Sample
	for _, file := range files {
		data, err := fixtures.Files.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read a sample: %w", err)
		}
		var s Sample
		if err := yaml.UnmarshalStrict(data, &s); err != nil {
			return nil, fmt.Errorf("sample %s: %w", file, err)
		}
		samples = append(samples, s)
	}
	return samples, nil
}
