package modules

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"istio-conformance/internal/images"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/artifact"
)

// imagesArchive is the file of a second Istio's images beside its charts.
const imagesArchive = "images.tar"

// PrepareIstio builds the images and charts of a version of Istio without a node
// image. It implements images.Second.
func (s *Source) PrepareIstio(ctx context.Context, cell istio.Pair) (_ *images.Set, err error) {
	b, err := s.begin(ctx, cell)
	if err != nil {
		return nil, err
	}
	defer func() { err = b.end(err) }()
	p := b.plan
	parts := []part{p.istio, p.istioNode, p.ownBackend, p.envoy, p.proxySystem}
	id := artifact.ID{Name: "istio-" + cell.Istio + "-images", Key: keyOf(parts, cell.Istio)}
	if !b.store.Has(id) {
		if err := b.fetchAll(ctx, parts); err != nil {
			return nil, err
		}
	}
	dir, err := b.ensure(ctx, id, "assembled", b.assembleIstio)
	if err != nil {
		return nil, err
	}
	set, err := readSet(dir)
	if err != nil {
		return nil, err
	}
	set.Load = []string{filepath.Join(dir, imagesArchive)}
	return set, nil
}

// assembleIstio fills an artifact with an archive of Istio's images, its charts
// and the set that describes them.
func (b *build) assembleIstio(ctx context.Context, dir string) (err error) {
	scratch, err := os.MkdirTemp(dir, "layers-")
	if err != nil {
		return fmt.Errorf("make room for the images' layers: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	archive, err := b.istioImages(ctx, scratch)
	if err != nil {
		return err
	}
	// The other version's node has the backend: its image is the same.
	delete(archive, b.plan.backend.Reference())
	file, err := os.Create(filepath.Join(dir, imagesArchive))
	if err != nil {
		return fmt.Errorf("make room for the images: %w", err)
	}
	buffered := bufio.NewWriterSize(file, 1<<20)
	if err := errors.Join(archive.Write(buffered), buffered.Flush(), file.Close()); err != nil {
		return err
	}
	digests, err := archive.IDs()
	if err != nil {
		return err
	}
	set, err := b.describe(digests)
	if err != nil {
		return err
	}
	set.Node = ""
	if set.Charts, err = b.packageCharts(ctx, dir); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, setFile), set)
}
