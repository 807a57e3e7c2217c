package desired

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	kubeyaml "sigs.k8s.io/yaml"

	"istio-conformance/internal/mesh/charts"
)

// source is where an Application's chart comes from:
// https://argo-cd.readthedocs.io/en/stable/user-guide/helm/
type source struct {
	Chart, Path, TargetRevision, Ref string
	Helm                             struct {
		ReleaseName  string
		ValueFiles   []string
		Values       string
		ValuesObject map[string]any
		Parameters   []struct{ Name, Value string }
	}
}

// application reads Argo CD's Application.
func (d document) application() ([]Release, error) {
	var a struct {
		Metadata struct{ Name, Namespace string }
		Spec     struct {
			Source      source
			Sources     []source
			Destination struct{ Namespace string }
		}
	}
	if err := decode(d.node, &a); err != nil {
		return nil, d.refuse(d.node, "Application: %s", oneLine(err))
	}
	var all []Release
	for _, s := range append([]source{a.Spec.Source}, a.Spec.Sources...) {
		chart := chartOf(cmp.Or(s.Chart, s.Path))
		if chart == "" {
			continue // Another chart, or a reference that only brings value files.
		}
		if len(s.Helm.Parameters) > 0 {
			return nil, d.refuse(d.node, "Application %s: its parameters are not read; say them in helm.valuesObject", a.Metadata.Name)
		}
		more := s.Helm.ValuesObject
		if s.Helm.Values != "" && more == nil {
			if err := yaml.Unmarshal([]byte(s.Helm.Values), &more); err != nil {
				return nil, d.refuse(d.node, "Application %s: helm.values: %s", a.Metadata.Name, oneLine(err))
			}
		}
		// A file of another source of the Application: "$name/path", from that one's root.
		files := slices.Clone(s.Helm.ValueFiles)
		for i, file := range files {
			if _, rest, found := strings.Cut(file, "/"); found && strings.HasPrefix(file, "$") {
				files[i] = rest
			}
		}
		values, err := d.values(d.node, files, more)
		if err != nil {
			return nil, err
		}
		all = append(all, Release{
			Chart: chart, Name: cmp.Or(s.Helm.ReleaseName, a.Metadata.Name), Namespace: cmp.Or(a.Spec.Destination.Namespace, systemNamespace),
			Version: s.TargetRevision, Values: values, Where: d.where(),
		})
	}
	return all, nil
}

// helmRelease reads Flux' HelmRelease: https://fluxcd.io/flux/components/helm/helmreleases/
func (d document) helmRelease() ([]Release, error) {
	var h struct {
		Metadata struct{ Name, Namespace string }
		Spec     struct {
			Chart struct {
				Spec struct{ Chart, Version string }
			}
			ChartRef                     struct{ Name string }
			ReleaseName, TargetNamespace string
			Values                       map[string]any
			ValuesFrom                   []struct{ Kind, Name string }
		}
	}
	if err := decode(d.node, &h); err != nil {
		return nil, d.refuse(d.node, "HelmRelease: %s", oneLine(err))
	}
	if ref := h.Spec.ChartRef.Name; ref != "" {
		return nil, d.refuse(d.node, "HelmRelease %s: the chart that chartRef %s names is not read; say it in chart.spec.chart", h.Metadata.Name, ref)
	}
	chart := chartOf(h.Spec.Chart.Spec.Chart)
	if chart == "" {
		return nil, nil
	}
	if from := h.Spec.ValuesFrom; len(from) > 0 {
		return nil, d.refuse(d.node, "HelmRelease %s: values from %s %s are not read; say them in values", h.Metadata.Name, from[0].Kind, from[0].Name)
	}
	name := h.Spec.ReleaseName
	if name == "" {
		name = h.Metadata.Name
		if h.Spec.TargetNamespace != "" { // Flux' own rule
			name = h.Spec.TargetNamespace + "-" + name
		}
	}
	return []Release{{
		Chart: chart, Name: name, Namespace: cmp.Or(h.Spec.TargetNamespace, h.Metadata.Namespace, systemNamespace),
		Version: h.Spec.Chart.Spec.Version, Values: charts.Values(h.Spec.Values), Where: d.where(),
	}}, nil
}

// chartOf is the chart of Istio that a name or a path ends with; empty is none.
func chartOf(name string) string {
	switch last := path.Base(name); last {
	case "istio-discovery": // istiod's folder in Istio's repository
		return "istiod"
	case "istio-cni":
		return "cni"
	default:
		if slices.Contains(Charts, last) {
			return last
		}
		return ""
	}
}

// decode reads a manifest by the names of its JSON form, which begin in lower case.
func decode(node *yaml.Node, into any) error {
	content, err := yaml.Marshal(node)
	if err != nil {
		return err
	}
	return kubeyaml.Unmarshal(content, into)
}
