// Package istio knows Istio's versions and which Kubernetes they support, the
// CRDs a version must bring, and how far istiod's configuration reached the
// proxies.
package istio

import (
	"fmt"

	"sigs.k8s.io/yaml"

	"istio-conformance/fixtures"
	"istio-conformance/internal/images"
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
	// Istio holds one row a minor version, the newest first.
	Istio []Minor `json:"istio"`
	// Kubernetes holds one row a full version, the newest first.
	Kubernetes []Node `json:"kubernetes"`
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
	// Kubernetes is what the release supports.
	Kubernetes Range `json:"kubernetes"`
	// Source says where the row was read.
	Source string `json:"source"`
}

// Range is a range of minor versions, both ends included.
type Range struct {
	First Version `json:"first"`
	Last  Version `json:"last"`
}

// Contains says whether the version's minor is in the range.
func (r Range) Contains(v Version) bool {
	return compareMinor(r.First, v) <= 0 && compareMinor(v, r.Last) <= 0
}

func (r Range) String() string { return fmt.Sprintf("%s to %s", r.First, r.Last) }

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
		versions = append(versions, Version{m.Version.Major, m.Version.Minor, patch})
	}
	return versions
}

// IstioIn returns the full versions of Istio that a source, images.Release or
// images.Modules, has; the newest first.
func (t *Table) IstioIn(source string) []Version {
	var versions []Version
	for i := range t.Istio {
		m := &t.Istio[i]
		switch {
		case source == images.Release:
			versions = append(versions, m.known()...)
		case source == images.Modules && m.Modules != nil:
			versions = append(versions, *m.Modules)
		}
	}
	return versions
}

// KubernetesIn returns the rows of the versions of Kubernetes that a source,
// images.Release or images.Modules, has; the newest first.
func (t *Table) KubernetesIn(source string) []Node {
	var nodes []Node
	for _, n := range t.Kubernetes {
		if source == images.Release && n.Image != "" || source == images.Modules && n.Modules {
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
