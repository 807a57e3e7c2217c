package capture

import (
	"cmp"
	"path"
	"slices"
	"strings"

	jsonyaml "sigs.k8s.io/yaml"
)

// declared is the release that an object of Flux or of Argo CD makes of a chart of
// Istio's; nil for other objects.
func declared(o *Object) *Release {
	switch {
	case o.Kind() == "HelmRelease" && o.Group() == "helm.toolkit.fluxcd.io":
		r := &Release{
			Name: cmp.Or(text(o.Body, "spec", "releaseName"), o.Name()), By: "Flux",
			Namespace: cmp.Or(text(o.Body, "spec", "targetNamespace"), o.Namespace(), systemNamespace),
			Chart:     text(o.Body, "spec", "chart", "spec", "chart"), Version: text(o.Body, "spec", "chart", "spec", "version"),
		}
		r.Values, _ = o.Fields("spec", "values").(map[string]any)
		return r.ifIstio()
	case o.Kind() == "Application" && o.Group() == "argoproj.io":
		source, _ := o.Fields("spec", "source").(map[string]any)
		r := &Release{
			Name: cmp.Or(text(source, "helm", "releaseName"), o.Name()), By: "Argo CD",
			Namespace: cmp.Or(text(o.Body, "spec", "destination", "namespace"), systemNamespace),
			Chart:     text(source, "chart"), Version: text(source, "targetRevision"),
		}
		r.Values, _ = dig(source, "helm", "valuesObject").(map[string]any)
		if written := text(source, "helm", "values"); r.Values == nil && written != "" {
			// Argo CD would refuse what is no YAML: it is left out here too.
			_ = jsonyaml.Unmarshal([]byte(written), &r.Values)
		}
		return r.ifIstio()
	}
	return nil
}

// systemNamespace is where Istio is unless somebody says otherwise.
const systemNamespace = "istio-system"

// ifIstio returns the release where its chart has the name of one of Istio's. A range
// of versions is no version.
func (r *Release) ifIstio() *Release {
	if !slices.Contains(charts, r.Chart) {
		return nil
	}
	r.Version = strings.TrimPrefix(r.Version, "v")
	if strings.ContainsAny(r.Version, "*^~<>x| ") {
		r.Version = ""
	}
	return r
}

func (f *folder) release(r *Release) {
	r.Values, _ = hide(r.Values, "", false).(map[string]any)
	f.mesh.Releases = append(f.mesh.Releases, r)
}

// values takes in a document that is no object: an umbrella chart, or a file of values
// whose name says of which chart.
func (f *folder) values(d document) {
	base, dir := strings.TrimSuffix(path.Base(d.File), path.Ext(d.File)), path.Dir(d.File)
	if base == "Chart" {
		return // its values.yaml reads it
	}
	if base == "values" && f.umbrella(d) {
		return
	}
	chart := chartOf(base)
	if chart == "" && strings.HasPrefix(base, "values") {
		chart = chartOf(path.Base(dir))
	}
	if chart == "" {
		return
	}
	name := chart
	switch chart {
	case "base":
		name = "istio-base"
	case "cni":
		name = "istio-cni"
	}
	f.note("a file of values is taken for a release of the chart in its name, in namespace " + systemNamespace)
	f.release(&Release{Name: name, Namespace: systemNamespace, Chart: chart, By: "values", Values: d.body, Place: d.Place})
}

// chartOf is the chart that a name such as "values-istiod" or "istio-base.prod" has in it.
func chartOf(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return strings.ContainsRune("-_. ", r) })
	for _, chart := range charts {
		if slices.Contains(words, chart) {
			return chart
		}
	}
	switch {
	case slices.Contains(words, "ingressgateway"), slices.Contains(words, "ingress"), slices.Contains(words, "egressgateway"):
		return "gateway"
	}
	return ""
}

// umbrella takes in the values of a chart that depends on Istio's.
func (f *folder) umbrella(d document) bool {
	documents, err := readDocuments(f.files, path.Join(path.Dir(d.File), "Chart.yaml"))
	if err != nil || len(documents) == 0 {
		return false
	}
	dependencies, _ := documents[0].body["dependencies"].([]any)
	taken := false
	for _, dependency := range dependencies {
		chart := text(anyTable(dependency), "name")
		key := cmp.Or(text(anyTable(dependency), "alias"), chart)
		r := (&Release{
			Name: text(documents[0].body, "name"), Namespace: systemNamespace, By: "umbrella chart",
			Chart: chart, Version: text(anyTable(dependency), "version"), Place: d.Place,
		}).ifIstio()
		if r == nil {
			continue
		}
		taken = true
		r.Values, _ = d.body[key].(map[string]any)
		if global, ok := d.body["global"].(map[string]any); ok {
			if r.Values == nil {
				r.Values = map[string]any{}
			}
			if r.Values["global"] == nil {
				r.Values["global"] = global
			}
		}
		r.Name += "-" + key
		f.release(r)
	}
	return taken
}

func anyTable(v any) map[string]any {
	table, _ := v.(map[string]any)
	return table
}
