package desired

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"istio-conformance/internal/mesh/charts"
)

// listed is a release in a list; docs/installation.schema.json describes it.
type listed struct {
	Chart      string         `yaml:"chart"`
	Name       string         `yaml:"name"`
	Namespace  string         `yaml:"namespace"`
	Version    string         `yaml:"version"`
	ValueFiles []string       `yaml:"valueFiles"`
	Values     map[string]any `yaml:"values"`
}

// list reads a list of releases.
func (d document) list() ([]Release, error) {
	var all []Release
	for i := 0; i+1 < len(d.node.Content); i += 2 {
		key, value := d.node.Content[i], d.node.Content[i+1]
		if key.Value != "releases" {
			return nil, d.refuse(key, "there is no %q beside \"releases\"", key.Value)
		}
		if value.Kind != yaml.SequenceNode {
			return nil, d.refuse(value, "releases: want a list")
		}
		for _, node := range value.Content {
			r, err := d.listed(node)
			if err != nil {
				return nil, err
			}
			all = append(all, r)
		}
	}
	return all, nil
}

// fields are the keys of a release in a list.
var fields = []string{"chart", "name", "namespace", "version", "valueFiles", "values"}

func (d document) listed(node *yaml.Node) (Release, error) {
	if node.Kind != yaml.MappingNode {
		return Release{}, d.refuse(node, "want a release: a mapping with %s", strings.Join(fields, ", "))
	}
	for i := 0; i < len(node.Content); i += 2 {
		if key := node.Content[i]; !slices.Contains(fields, key.Value) {
			return Release{}, d.refuse(key, "a release has no %q; want %s", key.Value, strings.Join(fields, ", "))
		}
	}
	var l listed
	if err := node.Decode(&l); err != nil {
		return Release{}, d.refuse(node, "%s", oneLine(err))
	}
	if !slices.Contains(Charts, l.Chart) {
		return Release{}, d.refuse(node, "chart %q is none of Istio's; want %s", l.Chart, strings.Join(Charts, ", "))
	}
	values, err := d.values(node, l.ValueFiles, l.Values)
	return Release{
		Chart: l.Chart, Name: cmp.Or(l.Name, usualNames[l.Chart]),
		Namespace: cmp.Or(l.Namespace, usualNamespaces[l.Chart], systemNamespace),
		Version:   l.Version, Values: values, Where: fmt.Sprintf("%s:%d", d.file, node.Line),
	}, err
}

// values are those of files, each on top of the one before, with more on top of all.
// The files' paths count from the document's folder.
func (d document) values(at *yaml.Node, files []string, more map[string]any) (map[string]any, error) {
	values := map[string]any{}
	for _, file := range files {
		path := file
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(d.file), path)
		}
		read, err := charts.ReadValues(os.DirFS(filepath.Dir(path)), filepath.Base(path))
		if err != nil {
			return nil, d.refuse(at, "value file %s: %s", file, oneLine(err))
		}
		values = charts.Values(values, read)
	}
	return charts.Values(values, more), nil
}

// oneLine is an error of the YAML library or the file system without what only
// programmers read.
func oneLine(err error) string {
	return strings.Join(strings.Fields(strings.TrimPrefix(err.Error(), "yaml: ")), " ")
}
