package modules

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"istio-conformance/internal/mesh/istio"
)

// Charts packages the charts of the cell into dir, as a release has them, and returns
// their paths by their names. It builds nothing.
func (s *Source) Charts(ctx context.Context, cell istio.Pair, dir string) (_ map[string]string, err error) {
	b, err := s.begin(ctx, cell)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.store.Close()) }()
	charts, err := b.packageCharts(ctx, dir)
	for name, file := range charts {
		charts[name] = filepath.Join(dir, file)
	}
	return charts, err
}

// Publish gives push what a release has of the cell: the node image, without Istio, as
// node:v1.36.3, and Istio's images, as pilot:1.31.0. It builds what the cache lacks. Dir
// holds the images' layers for that time.
func (s *Source) Publish(ctx context.Context, cell istio.Pair, dir string, push func(name string, image v1.Image) error) (err error) {
	b, err := s.begin(ctx, cell)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.store.Close()) }()
	if err := b.fetchAll(ctx, b.needed()); err != nil {
		return err
	}
	node, err := b.nodeDir(ctx)
	if err != nil {
		return err
	}
	image, err := nodeImage(node, nodeLayers...)
	if err != nil {
		return err
	}
	return errors.Join(push("node:"+cell.Kubernetes, image), b.publishIstio(ctx, dir, push))
}

// publishIstio gives push Istio's images, whose layers are in dir for that time.
func (b *build) publishIstio(ctx context.Context, dir string, push func(name string, image v1.Image) error) (err error) {
	scratch, err := os.MkdirTemp(dir, "layers-")
	if err != nil {
		return fmt.Errorf("make room for the images' layers: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	all, err := b.istioImages(ctx, scratch)
	if err != nil {
		return err
	}
	// The backend is no part of a release.
	delete(all, b.plan.backend.Reference())
	for ref, image := range all {
		if err := push(path.Base(ref), image); err != nil {
			return err
		}
	}
	return nil
}
