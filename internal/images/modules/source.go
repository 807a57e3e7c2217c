// Package modules builds the images of a cell where no container registry can
// be reached: Kubernetes, Istio and what they need from pinned Go modules, the
// file systems below them from Debian packages, Envoy from its Python wheel.
// The result is one node image that already holds every image of the cell.
package modules

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"istio-conformance/internal/images"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/artifact"
	"istio-conformance/internal/process/progress"
)

// limits bound what the cache keeps: this generation and the one before of
// each artifact, and 24 GiB in all, some five cells.
var limits = artifact.Limits{Generations: 2, Bytes: 24 << 30}

// Options are what a Source needs.
type Options struct {
	// Root is the project's directory, with images/ below it.
	Root string
	// CacheDir is where artifacts are kept between runs.
	CacheDir string
	// Engine receives the node image.
	Engine images.Engine
	// Logf receives a line for each step that takes time.
	Logf progress.Logf
}

// Source builds cells from modules. It implements images.Source.
type Source struct{ options Options }

// New returns the source.
func New(options Options) *Source { return &Source{options} }

// Name returns istio.SourceModules.
func (s *Source) Name() string { return istio.SourceModules }

// Prepare builds what the cache lacks of the cell's node image and loads it
// into the engine; if the engine has it, only the pins are read. What the set
// names stays in the cache for as long as this process runs.
func (s *Source) Prepare(ctx context.Context, cell istio.Pair) (_ *images.Set, err error) {
	b, err := s.begin(ctx, cell)
	if err != nil {
		return nil, err
	}
	defer func() { err = b.end(err) }()
	p, store := b.plan, b.store
	loaded, err := s.options.Engine.HasImage(ctx, p.reference())
	if err != nil {
		return nil, fmt.Errorf("look for the node image: %w", err)
	}
	// An image whose artifact is gone is not what the next one describes.
	loaded = loaded && store.Has(p.cellID)
	if loaded {
		s.options.Logf("node image %s exists", p.reference())
	} else if err := b.fetchParts(ctx); err != nil {
		return nil, err
	}
	dir, err := b.cellDir(ctx)
	if err != nil {
		return nil, err
	}
	if !loaded {
		if err := s.load(ctx, b); err != nil {
			return nil, err
		}
		if err := store.Prune(limits); err != nil {
			return nil, err
		}
	}
	return readSet(dir)
}

// begin plans what a cell is built from and opens the store.
func (s *Source) begin(ctx context.Context, cell istio.Pair) (*build, error) {
	p, err := newPlan(ctx, s.options.Root, cell)
	if err != nil {
		return nil, err
	}
	store, err := artifact.Open(filepath.Join(s.options.CacheDir, "artifacts"), s.options.Logf)
	if err != nil {
		return nil, err
	}
	return newBuild(p, store, s.options.Logf, s.options.CacheDir), nil
}

// end closes the store of a build that failed. Otherwise its locks stay: what the
// set names is in the store.
func (b *build) end(err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(err, b.store.Close())
}

// load puts the node image into the engine and drops the ones that it replaces.
func (s *Source) load(ctx context.Context, b *build) error {
	started := time.Now()
	if err := b.loadNode(ctx, s.options.Engine); err != nil {
		return err
	}
	s.options.Logf("loaded the node image %s into the engine in %s", b.plan.reference(), since(started))
	return b.removeSuperseded(ctx, s.options.Engine)
}

// since is the time from started to now, in whole seconds or finer below one.
func since(started time.Time) time.Duration {
	spent := time.Since(started)
	if spent < time.Second {
		return spent.Round(time.Millisecond)
	}
	return spent.Round(time.Second)
}
