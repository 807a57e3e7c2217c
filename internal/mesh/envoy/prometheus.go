package envoy

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Sample is one line of a metrics page in Prometheus' text format.
type Sample struct {
	Name   string
	Labels map[string]string
	Value  float64
}

var (
	sampleLine  = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$`)
	sampleLabel = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"`)
)

// Samples returns the samples of a metrics page with the given name.
// https://prometheus.io/docs/instrumenting/exposition_formats/
func Samples(page, name string) ([]Sample, error) {
	var found []Sample
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, name) {
			continue
		}
		parts := sampleLine.FindStringSubmatch(line)
		if parts == nil {
			return nil, fmt.Errorf("metrics: not a sample: %q", line)
		}
		if parts[1] != name {
			continue
		}
		value, err := strconv.ParseFloat(parts[3], 64)
		if err != nil {
			return nil, fmt.Errorf("metrics: %q: %w", line, err)
		}
		sample := Sample{Name: name, Labels: map[string]string{}, Value: value}
		for _, label := range sampleLabel.FindAllStringSubmatch(parts[2], -1) {
			sample.Labels[label[1]] = strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\n`, "\n").Replace(label[2])
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
