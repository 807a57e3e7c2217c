package static

import (
	"context"
	"fmt"
	"io"
	"log"
	"maps"
	"regexp"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"

	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/finding"
)

// judgeValues says which values of a release the new chart refuses or does not read.
func (r *rehearsal) judgeValues(ctx context.Context) error {
	for _, release := range r.Mesh.Releases {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := r.judgeRelease(release); err != nil {
			return err
		}
	}
	r.looked("the values of %d releases, by rendering the charts of both versions with them", len(r.Mesh.Releases))
	return nil
}

func (r *rehearsal) judgeRelease(release *capture.Release) error {
	from, err := r.rendering(r.FromCharts, release)
	if err != nil {
		return err
	}
	to, err := r.rendering(r.ToCharts, release)
	if err != nil {
		return err
	}
	before, refusedBefore := from.render(release.Values)
	after, refused := to.render(release.Values)
	switch {
	case refused != "" && refusedBefore != "":
		r.add(at(finding.Finding{Level: finding.Look, Rule: "values-refused", Why: "the charts of both versions refuse the values: " + refused}, release, release.Place, "values"))
		return nil
	case refused != "":
		r.add(at(finding.Finding{Level: finding.Breaks, Rule: "values-refused", Why: fmt.Sprintf("chart %s %s refuses the values: %s", release.Chart, r.To, refused)}, release, release.Place, "values"))
		return nil
	}
	for _, path := range leaves(release.Values, nil) {
		if to.declares(path) {
			continue
		}
		others := []map[string]any{replace(release.Values, path, false), replace(release.Values, path, true)}
		if to.reads(path, after, others) {
			continue
		}
		f := finding.Finding{Level: finding.Breaks, Rule: "values-ignored",
			Why: fmt.Sprintf("chart %s %s does not read this value, chart %s did: what it set is gone", release.Chart, r.To, r.From)}
		if refusedBefore != "" || !from.declares(path) && !from.reads(path, before, others) {
			f.Level, f.Why = finding.Look, fmt.Sprintf("chart %s reads this value neither at %s nor at %s: it does nothing; is its name spelt right?", release.Chart, r.From, r.To)
		}
		r.add(at(f, release, release.Place, append([]string{"values"}, path...)...))
	}
	return nil
}

// rendering is a chart as one release installs it.
type rendering struct {
	chart   *chart.Chart
	options chartutil.ReleaseOptions
	caps    *chartutil.Capabilities
	source  string
}

func (r *rehearsal) rendering(charts map[string]string, release *capture.Release) (*rendering, error) {
	loaded, err := loader.Load(charts[release.Chart])
	if err != nil {
		return nil, fmt.Errorf("load chart %s: %w", release.Chart, err)
	}
	caps := chartutil.DefaultCapabilities.Copy()
	if version, err := chartutil.ParseKubeVersion(r.Kubernetes); err == nil {
		caps.KubeVersion = *version
	}
	var source strings.Builder
	for _, f := range slices.Concat(loaded.Templates, loaded.Files) {
		if !strings.HasSuffix(f.Name, "README.md") {
			source.Write(f.Data)
		}
	}
	return &rendering{loaded, chartutil.ReleaseOptions{Name: release.Name, Namespace: release.Namespace, IsInstall: true, Revision: 1}, caps, source.String()}, nil
}

// render returns the rendered files, without those that only repeat the values, or why
// the chart refuses them.
func (c *rendering) render(values map[string]any) (files map[string]string, refused string) {
	// Merging warns of tables that replace strings; what comes of it is compared here.
	defer log.SetOutput(log.Writer())
	log.SetOutput(io.Discard)
	all, err := chartutil.ToRenderValues(c.chart, capture.Copy(values), c.options, c.caps)
	if err != nil {
		return nil, oneLine(err)
	}
	if files, err = engine.Render(c.chart, all); err != nil {
		return nil, oneLine(err)
	}
	for name, text := range files {
		switch {
		case strings.HasSuffix(name, "/configmap-values.yaml"), strings.HasSuffix(name, "NOTES.txt"):
			delete(files, name)
		case strings.HasSuffix(name, "/istiod-injector-configmap.yaml"):
			// What is in values here is a copy for the templates of the injector.
			files[name], _, _ = strings.Cut(text, "\n  values: |-")
		}
	}
	return files, ""
}

// declares says whether the chart's own values have the path, or leave open what is below.
func (c *rendering) declares(path []string) bool {
	var value any = c.chart.Values
	if inner, ok := c.chart.Values["_internal_defaults_do_not_set"].(map[string]any); ok {
		value = inner
	}
	for _, key := range path {
		table, ok := value.(map[string]any)
		if !ok {
			return false
		}
		if value, ok = table[key]; !ok {
			return false
		}
	}
	return true
}

// reads says whether the rendered chart differs with other values. What the injector's
// templates name they read when a pod is made.
func (c *rendering) reads(path []string, with map[string]string, others []map[string]any) bool {
	for _, values := range others {
		rendered, refused := c.render(values)
		if refused != "" || !maps.Equal(with, rendered) {
			return true
		}
	}
	if len(path) < 2 {
		return false
	}
	named := regexp.MustCompile(`\.` + regexp.QuoteMeta(strings.Join(path[max(0, len(path)-2):], ".")) + `\b`)
	return path[0] == "global" && named.MatchString(c.source)
}

// leaves are the paths of all values that are no tables.
func leaves(value any, path []string) [][]string {
	table, ok := value.(map[string]any)
	if !ok || len(table) == 0 && len(path) > 0 {
		return [][]string{slices.Clone(path)}
	}
	var all [][]string
	for _, key := range slices.Sorted(maps.Keys(table)) {
		all = append(all, leaves(table[key], append(path, key))...)
	}
	return all
}

// replace returns a copy of the values without the one at a path, or with another one in
// its place: one that is the chart's default anyway changes nothing by going away.
func replace(values map[string]any, path []string, other bool) map[string]any {
	copied := capture.Copy(values)
	table, last := copied, path[len(path)-1]
	for _, key := range path[:len(path)-1] {
		table, _ = table[key].(map[string]any)
	}
	switch value := table[last].(type) {
	case bool:
		table[last] = !value
	case float64:
		table[last] = value + 1
	case int64:
		table[last] = value + 1
	case string:
		table[last] = value + "-other"
	default:
		other = false
	}
	if !other {
		delete(table, last)
	}
	return copied
}

// oneLine is what Helm says of an error, which has several lines, as one.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
