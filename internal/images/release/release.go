// Package release takes the images and charts that Kubernetes' and Istio's
// projects have published: kind's node image by digest, Istio's images from a
// registry and its charts from the chart repository. Only the tests' backend
// is built here.
package release

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	"helm.sh/helm/v3/pkg/chart/loader"

	"istio-conformance/internal/images"
	"istio-conformance/internal/mesh/charts/origin"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/artifact"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// pulls is how many images are fetched at a time.
const pulls = 2

// Options are what a Source needs.
type Options struct {
	// Nodes maps a Kubernetes version, "v1.36.4", to kind's node image, pinned
	// by digest. An image is only supported by the kind release that lists it.
	Nodes map[string]string
	// Charts is where the charts come from.
	Charts origin.Origin
	// Hub is the prefix of Istio's images; empty means DefaultHub.
	Hub string
	// Images returns the references of Istio's images that the set's charts render
	// with the run's values.
	Images func(ctx context.Context, set *images.Set) ([]string, error)
	// Root is the project's directory, with images/backend below it.
	Root string
	// CacheDir is where charts are kept between runs.
	CacheDir string
	// Trust says what is checked of signatures, and KeyOf by which public key the images
	// of a version are, unless Trust names one.
	Trust Trust
	KeyOf func(version string) string
	// Engine receives the images.
	Engine images.Engine
	// Logf receives a line for each step that takes time.
	Logf progress.Logf
}

// Source fetches releases. It implements images.Source.
type Source struct{ options Options }

// New returns the source.
func New(options Options) *Source {
	if options.Hub == "" {
		options.Hub = DefaultHub
	}
	options.Hub = strings.TrimSuffix(options.Hub, "/")
	return &Source{options}
}

// Name returns istio.SourceRelease.
func (s *Source) Name() string { return istio.SourceRelease }

// Prepare fetches the cell's charts and images, except those that are there.
func (s *Source) Prepare(ctx context.Context, cell istio.Pair) (_ *images.Set, err error) {
	node, known := s.options.Nodes[cell.Kubernetes]
	if !known {
		return nil, exitcode.Usagef("no node image of Kubernetes %s is pinned: known are %s", cell.Kubernetes, strings.Join(slices.Sorted(maps.Keys(s.options.Nodes)), ", "))
	}
	store, err := artifact.Open(filepath.Join(s.options.CacheDir, "artifacts"), s.options.Logf)
	if err != nil {
		return nil, err
	}
	defer func() {
		// On success the locks stay: the charts of the set are in the store.
		if err != nil {
			err = errors.Join(err, store.Close())
		}
	}()
	// Charts first: they are small, say at once if there is no such version, and
	// say which images it has.
	set, err := s.withCharts(ctx, store, cell)
	if err != nil {
		return nil, err
	}
	set.Node, set.NodeCNI, set.Digests = node, true, map[string]string{}
	if err := s.pull(ctx, append([]string{node}, set.Load...)); err != nil {
		return nil, err
	}
	if set.Backend, err = s.backend(ctx, store); err != nil {
		return nil, err
	}
	istio := slices.Clone(set.Load)
	set.Load = append(set.Load, set.Backend)
	if err := s.identify(ctx, set); err != nil {
		return nil, err
	}
	return set, s.verifyImages(ctx, set, istio)
}

// withCharts returns the cell's set as far as its charts tell: Load holds the
// images that they render.
func (s *Source) withCharts(ctx context.Context, store *artifact.Store, cell istio.Pair) (*images.Set, error) {
	set := &images.Set{Source: istio.SourceRelease, Hub: s.options.Hub, Tag: cell.Istio}
	var err error
	if set.Charts, err = s.charts(ctx, store, cell.Istio); err != nil {
		return nil, err
	}
	set.Load, err = s.options.Images(ctx, set)
	return set, err
}

// PrepareIstio is Prepare: a release's images are loaded into the nodes anyway.
func (s *Source) PrepareIstio(ctx context.Context, cell istio.Pair) (*images.Set, error) {
	return s.Prepare(ctx, cell)
}

// charts returns the paths of the release's charts, fetched once for each key of
// their origin.
func (s *Source) charts(ctx context.Context, store *artifact.Store, version string) (map[string]string, error) {
	from := s.options.Charts
	key, err := from.Key()
	if err != nil {
		return nil, err
	}
	id := artifact.ID{Name: "charts-" + version, Key: artifact.Key(key, version)}
	dir, err := store.Ensure(ctx, id, func(ctx context.Context, dir string) error {
		s.options.Logf("fetching the charts of Istio %s from %s", version, from)
		group, ctx := errgroup.WithContext(ctx)
		for _, name := range images.ChartNames {
			group.Go(func() error {
				path, err := from.Pull(ctx, name, version, dir)
				if err != nil {
					return foreign(err)
				}
				return checkChart(path, name, version)
			})
		}
		return group.Wait()
	})
	if err != nil {
		return nil, err
	}
	paths := map[string]string{}
	for _, name := range images.ChartNames {
		paths[name] = filepath.Join(dir, fmt.Sprintf("%s-%s.tgz", name, version))
		// Also of what is in the cache: it may have been fetched with VERIFY=off.
		if err := s.verifyChart(paths[name]); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// checkChart refuses a package that is not what it is called.
func checkChart(path, name, version string) error {
	loaded, err := loader.LoadFile(path)
	if err != nil {
		return exitcode.Environmentf("chart %s %s: the package is no chart: %w", name, version, err)
	}
	if loaded.Name() != name || loaded.Metadata.Version != version {
		return exitcode.Environmentf("chart %s %s: the package is chart %s %s", name, version, loaded.Name(), loaded.Metadata.Version)
	}
	return nil
}
