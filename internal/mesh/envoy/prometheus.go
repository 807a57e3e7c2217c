package envoy

import (
	"fmt"
	"strings"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Sample is one line of a metrics page in Prometheus' text format.
type Sample struct {
	Name   string
	Labels map[string]string
	Value  float64
}

// Samples returns the samples of a metrics page with the given name.
// https://prometheus.io/docs/instrumenting/exposition_formats/
func Samples(page, name string) ([]Sample, error) {
	// Lines with another name are left out, and so are those with types: a histogram's
	// bucket is a sample like others here.
	var lines strings.Builder
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, name) {
			lines.WriteString(strings.TrimSpace(line) + "\n")
		}
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(lines.String()))
	if err != nil {
		return nil, fmt.Errorf("metrics %s: %w", name, err)
	}
	var found []Sample
	for _, metric := range families[name].GetMetric() {
		sample := Sample{Name: name, Labels: map[string]string{}, Value: metric.GetUntyped().GetValue()}
		for _, label := range metric.GetLabel() {
			sample.Labels[label.GetName()] = label.GetValue()
		}
		found = append(found, sample)
	}
	return found, nil
}

// Sum adds up the samples that have all the labels. A ";" with which Istio ends a
// cluster's name is no part of it.
func Sum(samples []Sample, labels map[string]string) float64 {
	sum := 0.0
	for _, s := range samples {
		matches := true
		for name, value := range labels {
			matches = matches && strings.TrimSuffix(s.Labels[name], ";") == value
		}
		if matches {
			sum += s.Value
		}
	}
	return sum
}
