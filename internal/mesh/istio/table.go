// Package istio knows Istio's versions and which Kubernetes they support, the
// CRDs a version must bring, and how far istiod's configuration reached the
// proxies.
package istio

import (
	"fmt"
	"slices"

	"sigs.k8s.io/yaml"

	"istio-conformance/fixtures"
)

const tableFile = "versions.yaml"

// Table is fixtures/versions.yaml: the versions that are known, where they can
// be had, and which belong together.
type Table struct {
	// Default is what is tested unless the user chooses.
	Default struct {
		Istio      Version `json:"istio"`
		Kubernetes Version `json:"kubernetes"`
	} `json:"default"`
	// Kind is the release of kind that the node images belong to.
	Kind string `json:"kind"`
	// Coordinates are where the official parts of a release are.
	Coordinates Coordinates `json:"coordinates"`
	// Istio holds one row a minor version, the newest first.
	Istio []Minor `json:"istio"`
	// Kubernetes holds one row a full version, the newest first.
	Kubernetes []Node `json:"kubernetes"`
	// Upgrade is how far one step may go.
	Upgrade UpgradeLimits `json:"upgrade"`
	// Boundaries are what has to be known of the step from one minor to the next.
	Boundaries []Boundary `json:"boundaries"`
	// Ending are places of charts and images that are switched off.
	Ending []Ending `json:"ending"`
}

// Coordinates are where the official charts and images of Istio are.
type Coordinates struct {
	// Charts is the URL of the chart repository, Hub the prefix of the images.
	Charts     string   `json:"charts"`
	Hub        string   `json:"hub"`
	Components []string `json:"components"`
	Images     []string `json:"images"`
	// Keys are the public keys by which the images are signed, the newest first.
	Keys   []SigningKey `json:"keys"`
	Source string       `json:"source"`
}

// SigningKey signs the images of releases from a version on.
type SigningKey struct {
	From Version `json:"from"`
	URL  string  `json:"url"`
}

// KeyOf returns the URL of the public key by which a version's images are signed;
// empty where the table has none.
func (t *Table) KeyOf(v Version) string {
	for _, key := range t.Coordinates.Keys {
		if Compare(v, key.From) >= 0 {
			return key.URL
		}
	}
	return ""
}

// Minor is a minor version of Istio.
type Minor struct {
	Version Version `json:"minor"`
	// Newest is the newest patch in the official chart repository; every patch
	// up to it counts as known.
	Newest Version `json:"newest"`
	// Modules is the version that a build from Go modules is stamped with; nil
	// when the minor cannot be built.
	Modules *Version `json:"modules,omitempty"`
	// Pin is the version of module istio.io/istio that Modules is built from.
	Pin string `json:"pin,omitempty"`
	// Kubernetes is what the release supports; without it that is not known. Tested
	// is what it is tested with and does not support, if there is such a thing.
	Kubernetes Range `json:"kubernetes,omitzero"`
	Tested     Range `json:"tested,omitzero"`
	// Precheck is the oldest Kubernetes that istioctl x precheck accepts; nil where
	// nobody looked.
	Precheck *Version `json:"precheck,omitempty"`
	// Ended says that Istio's project supports the minor no longer.
	Ended bool `json:"ended,omitempty"`
	// Released and EndOfLife are dates as Istio's project says them.
	Released  string `json:"released"`
	EndOfLife string `json:"endOfLife"`
	// CRDs is what chart base brings.
	CRDs CRDRow `json:"crds"`
	// NativeSidecar is the oldest Kubernetes on which the proxy is injected as an
	// init container that goes on; nil when it never is by default.
	NativeSidecar *Version `json:"nativeSidecar,omitempty"`
	// Source says where the row was read.
	Source string `json:"source"`
}

// CRDRow sums up the CRDs of a minor's chart base.
type CRDRow struct {
	// Count is how many CRDs, Versions how many versions in all of them, StoreV1
	// how many of them store v1.
	Count    int `json:"count"`
	Versions int `json:"versions"`
	StoreV1  int `json:"storeV1"`
	// In is InCRDs or InTemplates.
	In string `json:"in"`
}

// Where a chart has its CRDs: in a directory that Helm installs once and never
// upgrades, or among its templates.
const (
	InCRDs      = "crds"
	InTemplates = "templates"
)

// Range is a range of minor versions, both ends included.
type Range struct {
	First Version `json:"first"`
	Last  Version `json:"last"`
}

// RangeOf returns the range from the oldest of the minors to the newest; the zero
// range of none.
func RangeOf(minors []Version) Range {
	if len(minors) == 0 {
		return Range{}
	}
	return Range{slices.MinFunc(minors, compareMinor), slices.MaxFunc(minors, compareMinor)}
}

// Known says whether there is a range at all.
func (r Range) Known() bool { return r != Range{} }

// Contains says whether the version's minor is in the range.
func (r Range) Contains(v Version) bool {
	return r.Known() && compareMinor(r.First, v) <= 0 && compareMinor(v, r.Last) <= 0
}

func (r Range) String() string {
	if !r.Known() {
		return "none"
	}
	return fmt.Sprintf("%s to %s", r.First, r.Last)
}

// Node is a version of Kubernetes.
type Node struct {
	Version Version `json:"version"`
	// Image is the official node image with its digest; empty when there is none
	// for this version.
	Image string `json:"image,omitempty"`
	// Modules says that a node image can be built from Go modules.
	Modules bool `json:"modules,omitempty"`
	// Source says where the row was read.
	Source string `json:"source"`
}

// Load returns the embedded table.
func Load() (*Table, error) {
	data, err := fixtures.Files.ReadFile(tableFile)
	if err != nil {
		return nil, fmt.Errorf("read the version table: %w", err)
	}
	return Parse(data)
}

// Parse reads a table such as fixtures/versions.yaml.
func Parse(data []byte) (*Table, error) {
	var t Table
	if err := yaml.UnmarshalStrict(data, &t); err != nil {
		return nil, fmt.Errorf("version table %s: %w", tableFile, err)
	}
	return &t, nil
}

// known returns the full versions of the minor that count as known.
func (m *Minor) known() []Version {
	versions := make([]Version, 0, m.Newest.Patch+1)
	for patch := m.Newest.Patch; patch >= 0; patch-- {
		versions = append(versions, Version{m.Version.Major, m.Version.Minor, patch, ""})
	}
	return versions
}

// IstioIn returns the full versions of Istio that a source, SourceRelease or
// SourceModules, has; the newest first.
func (t *Table) IstioIn(source string) []Version {
	var versions []Version
	for i := range t.Istio {
		m := &t.Istio[i]
		switch {
		case source == SourceRelease:
			versions = append(versions, m.known()...)
		case source == SourceModules && m.Modules != nil:
			versions = append(versions, *m.Modules)
		}
	}
	return versions
}

// KubernetesIn returns the rows of the versions of Kubernetes that a source,
// SourceRelease or SourceModules, has; the newest first.
func (t *Table) KubernetesIn(source string) []Node {
	var nodes []Node
	for _, n := range t.Kubernetes {
		if source == SourceRelease && n.Image != "" || source == SourceModules && n.Modules {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

func versionsOf(nodes []Node) []Version {
	versions := make([]Version, 0, len(nodes))
	for _, n := range nodes {
		versions = append(versions, n.Version)
	}
	return versions
}
