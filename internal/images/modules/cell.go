package modules

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"istio-conformance/internal/images"
	"istio-conformance/internal/images/backend"
	"istio-conformance/internal/images/oci"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/istio"
)

// The files of a cell's artifact beside its charts.
const (
	istioLayer = "istio.tar"
	setFile    = "set.json"
)

// cellLayers are the layers of a node with Istio's images.
var cellLayers = append(slices.Clone(nodeLayers), istioLayer)

// chartDirs are the charts' directories in Istio's module.
var chartDirs = map[string]string{
	"base":    "manifests/charts/base",
	"cni":     "manifests/charts/istio-cni",
	"gateway": "manifests/charts/gateway",
	"istiod":  "manifests/charts/istio-control/istio-discovery",
	"ztunnel": "manifests/charts/ztunnel",
}

// cellDir returns the artifact with what Istio adds to a node, its charts and
// the set that describes them; it is made when missing.
func (b *build) cellDir(ctx context.Context) (string, error) {
	return b.ensure(ctx, b.plan.cellID, "assembled", b.assembleCell)
}

func (b *build) assembleCell(ctx context.Context, dir string) error {
	node, err := b.nodeDir(ctx)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(dir, "layers-")
	if err != nil {
		return fmt.Errorf("make room for the images' layers: %w", err)
	}
	archive, err := b.istioImages(ctx, scratch)
	if err != nil {
		return err
	}
	if err := b.writeContent(ctx, archive, filepath.Join(node, imagesLayer), filepath.Join(dir, istioLayer)); err != nil {
		return err
	}
	if err := os.RemoveAll(scratch); err != nil {
		return fmt.Errorf("remove the images' layers: %w", err)
	}
	digests, err := archive.IDs()
	if err != nil {
		return err
	}
	var inNode map[string]string
	if err := readJSON(filepath.Join(node, idsFile), &inNode); err != nil {
		return err
	}
	maps.Copy(digests, inNode)
	set, err := b.describe(digests)
	if err != nil {
		return err
	}
	if set.Charts, err = b.packageCharts(ctx, dir); err != nil {
		return err
	}
	if err := linkLayers(node, dir); err != nil {
		return err
	}
	image, err := nodeImage(dir, cellLayers...)
	if err != nil {
		return err
	}
	id, err := image.ConfigName()
	if err != nil {
		return fmt.Errorf("identify the node image: %w", err)
	}
	set.Digests[set.Node] = id.String()
	if set.Istioctl, err = b.linkIstioctl(ctx, dir); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, setFile), set)
}

// linkLayers adds the layers of the node to the cell, at no cost of space.
// Istio's layer fits these only, and not those of a node that is built again
// from the same pins with newer Debian packages.
func linkLayers(node, cell string) error {
	for _, layer := range nodeLayers {
		if err := oci.LinkLayer(filepath.Join(node, layer), filepath.Join(cell, layer)); err != nil {
			return err
		}
	}
	return nil
}

// linkIstioctl adds Istio's command to the cell, at no cost of space, and returns
// its file name: the part that it is in may be pruned while the cell is in use.
func (b *build) linkIstioctl(ctx context.Context, cell string) (string, error) {
	binaries, err := b.dir(ctx, b.plan.istioNode)
	if err != nil {
		return "", err
	}
	const name = "istioctl"
	if err := os.Link(filepath.Join(binaries, name), filepath.Join(cell, name)); err != nil {
		return "", fmt.Errorf("keep Istio's command: %w", err)
	}
	return name, nil
}

// describe returns the cell's set without its charts.
func (b *build) describe(digests map[string]string) (*images.Set, error) {
	pin, err := b.plan.istioModule.Requirement(istioModule)
	if err != nil {
		return nil, err
	}
	envoy, err := envoyVersion(b.plan.root)
	if err != nil {
		return nil, err
	}
	notes := []string{
		fmt.Sprintf("Istio %s is built from the Go module %s %s, not from a release", b.plan.cell.Istio, istioModule, pin),
		fmt.Sprintf("the proxy runs Envoy %s as its own project builds it", envoy),
	}
	replaced, err := b.plan.istioModule.Replacements()
	if err != nil {
		return nil, err
	}
	for _, r := range replaced {
		notes = append(notes, "built with the replacement "+r)
	}
	return &images.Set{
		Source:  istio.SourceModules,
		Node:    b.plan.reference(),
		Hub:     backend.Hub,
		Tag:     b.plan.cell.Istio,
		Backend: b.plan.backend.Reference(),
		Digests: digests,
		Notes:   notes,
	}, nil
}

// packageCharts packages Istio's charts into dir and returns their file names.
func (b *build) packageCharts(ctx context.Context, dir string) (map[string]string, error) {
	module, err := b.plan.istioModule.Source(ctx, istioModule)
	if err != nil {
		return nil, err
	}
	packaged := map[string]string{}
	for name, source := range chartDirs {
		path, err := charts.Package(filepath.Join(module, source), b.plan.cell.Istio, dir)
		if err != nil {
			return nil, err
		}
		packaged[name] = filepath.Base(path)
	}
	return packaged, nil
}

// readSet reads the set from a cell's artifact, with the paths of its charts.
func readSet(dir string) (*images.Set, error) {
	var set images.Set
	if err := readJSON(filepath.Join(dir, setFile), &set); err != nil {
		return nil, err
	}
	for name, file := range set.Charts {
		set.Charts[name] = filepath.Join(dir, file)
	}
	if set.Istioctl != "" {
		set.Istioctl = filepath.Join(dir, set.Istioctl)
	}
	set.OneVariant = true
	return &set, nil
}

func writeJSON(path string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the description: %w", err)
	}
	return nil
}

func readJSON(path string, value any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the description: %w", err)
	}
	if err := json.Unmarshal(data, value); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}
