// Package desired reads how an operator installs Istio: a list of releases, Argo CD's
// Applications or Flux' HelmReleases, as they stand in a repository.
package desired

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"istio-conformance/internal/process/exitcode"
)

// Release is one of Istio's charts as an operator installs it.
type Release struct {
	// Chart is one of Charts.
	Chart string
	// Name and Namespace are the release's.
	Name, Namespace string
	// Version is the chart's, as the operator wrote it; it may be empty or a range.
	Version string
	// Values are those of the value files with those that stand in the release on top.
	Values map[string]any
	// Where is the file and line that it was read from.
	Where string
}

// String is the release as people name it.
func (r Release) String() string { return r.Namespace + "/" + r.Name }

// Charts are those of Istio, in the order in which they can be installed.
var Charts = []string{"base", "cni", "istiod", "ztunnel", "gateway"}

// usualNames are the releases' names in Istio's instructions, where a list has none:
// https://istio.io/latest/docs/setup/install/helm/
var usualNames = map[string]string{"base": "istio-base", "cni": "istio-cni", "istiod": "istiod", "ztunnel": "ztunnel", "gateway": "istio-ingressgateway"}

// usualNamespaces are where a list puts a chart without saying so.
var usualNamespaces = map[string]string{"gateway": "istio-ingress"}

const systemNamespace = "istio-system"

// Read returns the releases in a file, or in all YAML files of a folder, in the order
// in which they are to be installed: a list's own, else that of Charts. What it refuses
// has status exitcode.Usage and names file and line.
func Read(path string) ([]Release, error) {
	files, err := filesOf(path)
	if err != nil {
		return nil, exitcode.Usagef("INSTALLATION=%s: %w", path, err)
	}
	var all []Release
	ordered := true
	for _, file := range files {
		found, listed, err := readFile(file)
		if err != nil {
			return nil, exitcode.Usagef("INSTALLATION: %w", err)
		}
		all, ordered = append(all, found...), ordered && listed
	}
	if len(all) == 0 {
		return nil, exitcode.Usagef("INSTALLATION=%s: no release of Istio in it; want a list \"releases:\", Argo CD's Applications or Flux' HelmReleases", path)
	}
	if !ordered || len(files) > 1 {
		slices.SortStableFunc(all, func(a, b Release) int {
			return cmp.Compare(slices.Index(Charts, a.Chart), slices.Index(Charts, b.Chart))
		})
	}
	return all, twice(all)
}

// filesOf are a file, or the YAML files of a folder.
func filesOf(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		var at *fs.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	for _, pattern := range []string{"*.yaml", "*.yml"} {
		found, err := filepath.Glob(filepath.Join(path, pattern))
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	slices.Sort(files)
	if len(files) == 0 {
		return nil, errors.New("the folder has no YAML file")
	}
	return files, nil
}

// document is one YAML document and where it begins.
type document struct {
	file string
	node *yaml.Node
}

// refuse is an error at a line of the document's file.
func (d document) refuse(at *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d: "+format, append([]any{d.file, at.Line}, args...)...)
}

func (d document) where() string { return fmt.Sprintf("%s:%d", d.file, d.node.Line) }

// readFile returns a file's releases, and whether they are a list with an order.
func readFile(file string) (all []Release, listed bool, err error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, false, err
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(content)))
	for {
		var root yaml.Node
		err := decoder.Decode(&root)
		if errors.Is(err, io.EOF) {
			return all, listed, nil
		}
		if err != nil {
			return nil, false, fmt.Errorf("%s: %s", file, oneLine(err))
		}
		if len(root.Content) == 0 {
			continue
		}
		d := document{file, root.Content[0]}
		found, isList, err := d.releases()
		if err != nil {
			return nil, false, err
		}
		all, listed = append(all, found...), listed || isList
	}
}

// releases are those of one document.
func (d document) releases() ([]Release, bool, error) {
	var head struct {
		Kind       string    `yaml:"kind"`
		APIVersion string    `yaml:"apiVersion"`
		Releases   yaml.Node `yaml:"releases"`
	}
	if d.node.Kind != yaml.MappingNode || d.node.Decode(&head) != nil {
		return nil, false, d.refuse(d.node, "want a mapping: a list \"releases:\", or a manifest of Argo CD or Flux")
	}
	switch {
	case head.Releases.Kind != 0:
		all, err := d.list()
		return all, true, err
	case head.Kind == "Application" && strings.HasPrefix(head.APIVersion, "argoproj.io/"):
		all, err := d.application()
		return all, false, err
	case head.Kind == "HelmRelease" && strings.HasPrefix(head.APIVersion, "helm.toolkit.fluxcd.io/"):
		all, err := d.helmRelease()
		return all, false, err
	case head.Kind == "":
		return nil, false, d.refuse(d.node, "neither a list \"releases:\" nor a manifest with a kind")
	}
	return nil, false, nil // Another kind of object, which installs no chart.
}

// twice refuses two releases of one name.
func twice(all []Release) error {
	seen := map[string]string{}
	for _, r := range all {
		if first, found := seen[r.String()]; found {
			return exitcode.Usagef("INSTALLATION: %s: release %s stands at %s already", r.Where, r, first)
		}
		seen[r.String()] = r.Where
	}
	return nil
}
