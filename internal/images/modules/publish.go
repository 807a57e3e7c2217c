package modules

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"istio-conformance/internal/images"
	"istio-conformance/internal/images/artifact"
)

// Publish gives push what a release would have of the cell: the node image, without
// Istio, as node:v1.36.3, and Istio's images, as pilot:1.31.0. It builds what the cache
// lacks. The charts are packaged into dir, and their paths by their names returned.
func (s *Source) Publish(ctx context.Context, cell images.Cell, dir string, push func(name string, image v1.Image) error) (_ map[string]string, err error) {
	p, err := newPlan(ctx, s.options.Root, cell)
	if err != nil {
		return nil, err
	}
	store, err := artifact.Open(filepath.Join(s.options.CacheDir, "artifacts"), s.options.Logf)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	b := newBuild(p, store, s.options.Logf, s.options.CacheDir)
	if err := b.fetchAll(ctx, b.needed()); err != nil {
		return nil, err
	}
	node, err := b.nodeDir(ctx)
	if err != nil {
		return nil, err
	}
	image, err := nodeImage(node, nodeLayers...)
	if err != nil {
		return nil, err
	}
	if err := push("node:"+cell.Kubernetes, image); err != nil {
		return nil, err
	}
	if err := b.publishIstio(ctx, dir, push); err != nil {
		return nil, err
	}
	charts, err := b.packageCharts(ctx, dir)
	for name, file := range charts {
		charts[name] = filepath.Join(dir, file)
	}
	return charts, err
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
