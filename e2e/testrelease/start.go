package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"sigs.k8s.io/yaml"

	"istio-conformance/internal/images/mirror"
	"istio-conformance/internal/images/modules"
	"istio-conformance/internal/machine/engine"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/filelock"
	"istio-conformance/internal/process/project"
)

// closeTimeout bounds the removal of what was made.
const closeTimeout = time.Minute

// hub is where Istio's images are in the mirror, and nodes where the node images are.
const (
	hub   = "istio"
	nodes = "kindest"
)

// istioImages are those of profile default, and install-cni.
var istioImages = []string{"pilot", "proxyv2", "install-cni"}

// options are what the user chooses.
type options struct {
	istio, kubernetes, from string
	needs                   needs
}

// site is what the steps work with.
type site struct {
	root string
	// dir holds what is made here, and the cache of the programs that are run.
	dir        string
	cell, from istio.Resolved
	engine     *engine.Engine
	// engineOptions are those by which the engine was found or started.
	engineOptions engine.Options
	mirror        *mirror.Mirror
	// proxy is there while faults are tried.
	proxy *proxy
	// charts are the paths of the cell's.
	charts map[string]string
	lock   *filelock.Lock
}

// start makes a mirror with the images and charts of a cell. What it returns beside an
// error must be closed too.
func start(ctx context.Context, o options) (*site, error) {
	choice, err := engine.ReadChoice(os.Getenv)
	if err != nil {
		return nil, err
	}
	if choice.Kind != engine.Docker {
		return nil, exitcode.Usagef("%s=%s: only Docker takes a registry on 127.0.0.1 without TLS", engine.Variable, choice.Kind)
	}
	root, err := project.Root()
	if err != nil {
		return nil, exitcode.Usagef("%w", err)
	}
	cache, err := project.CacheDir(os.Getenv)
	if err != nil {
		return nil, exitcode.Environmentf("%w", err)
	}
	s := &site{root: root, dir: filepath.Join(cache, "test-release")}
	if err := s.resolve(o); err != nil {
		return nil, err
	}
	if s.lock, err = filelock.Exclusive(filepath.Join(cache, "test-release.lock")); err != nil {
		return nil, exitcode.Environmentf("another test-release is running: %w", err)
	}
	// Of one that was killed.
	if err := os.RemoveAll(s.dir); err != nil {
		return s, exitcode.Environmentf("%w", err)
	}
	if s.mirror, err = mirror.Start(ctx, filepath.Join(s.dir, "mirror")); err != nil {
		return s, err
	}
	s.engineOptions = engine.Options{Choice: choice, CacheDir: cache, Logf: say}
	if s.engine, err = engine.Ensure(ctx, s.engineOptions); err != nil {
		return s, err
	}
	return s, errors.Join(s.writeKindConfig(), s.fill(ctx, cache, o.needs))
}

// resolve finds the versions.
func (s *site) resolve(o options) error {
	table, err := istio.Load()
	if err != nil {
		return err
	}
	if s.cell, err = table.Resolve(istio.Request{Istio: o.istio, Kubernetes: o.kubernetes, Source: istio.SourceModules}); err != nil || o.needs < bothCells {
		return err
	}
	if o.from == "" {
		v, err := istio.ParseVersion(s.cell.Istio)
		if err != nil {
			return err
		}
		o.from = fmt.Sprintf("%d.%d", v.Major, v.Minor-1)
	}
	s.from, err = table.Resolve(istio.Request{Istio: o.from, Kubernetes: s.cell.Kubernetes, Source: istio.SourceModules})
	return err
}

// writeKindConfig writes the checkout's configuration of the cluster for a node image that
// brings no network plugin: no module has kind's.
func (s *site) writeKindConfig() error {
	text, err := os.ReadFile(filepath.Join(s.root, "kind-config.yaml"))
	if err != nil {
		return exitcode.Usagef("%w", err)
	}
	config := map[string]any{}
	if err := yaml.Unmarshal(text, &config); err != nil {
		return exitcode.Usagef("kind-config.yaml: %w", err)
	}
	network, ok := config["networking"].(map[string]any)
	if !ok {
		network = map[string]any{}
	}
	network["disableDefaultCNI"] = true
	config["networking"] = network
	if text, err = yaml.Marshal(config); err != nil {
		return err
	}
	return os.WriteFile(s.kindConfig(), text, 0o644)
}

func (s *site) kindConfig() string { return filepath.Join(s.dir, "kind-config.yaml") }

// fill publishes what the source modules has of the cells.
func (s *site) fill(ctx context.Context, cache string, wanted needs) error {
	source := modules.New(modules.Options{Root: s.root, CacheDir: cache, Engine: s.engine, Logf: say})
	for _, cell := range []istio.Resolved{s.cell, s.from} {
		if cell.Istio == "" {
			continue
		}
		started := time.Now()
		of := cell.Pair
		paths, err := source.Charts(ctx, of, s.dir)
		if err != nil {
			return err
		}
		if s.charts == nil {
			s.charts = paths
		}
		var charts []mirror.Chart
		for _, name := range slices.Sorted(maps.Keys(paths)) {
			charts = append(charts, mirror.Chart{Name: name, Version: cell.Istio, Path: paths[name]})
		}
		if err := s.mirror.PublishCharts(charts...); err != nil {
			return err
		}
		what := "the charts"
		if wanted > nothing {
			what = "the charts and images, and the node image of Kubernetes " + cell.Kubernetes
			if err := source.Publish(ctx, of, s.dir, s.push(ctx)); err != nil {
				return err
			}
		}
		say("published %s of Istio %s in %s", what, cell.Istio, since(started))
	}
	say("HUB=%s NODE_IMAGE=%s CHARTS=%s, or %s", s.hub(), s.node(), s.mirror.ChartsURL(), s.mirror.ChartsOCI())
	return nil
}

// push puts an image where a release has it.
func (s *site) push(ctx context.Context) func(string, v1.Image) error {
	return func(name string, image v1.Image) error {
		if strings.HasPrefix(name, "node:") {
			return s.mirror.Push(ctx, nodes+"/"+name, image)
		}
		return s.mirror.Push(ctx, hub+"/"+name, image)
	}
}

func (s *site) hub() string  { return s.mirror.Host + "/" + hub }
func (s *site) node() string { return s.mirror.Host + "/" + nodes + "/node:" + s.cell.Kubernetes }

// close removes what was made: the images in the engine, the mirror, the engine if it
// was started here, and the files.
func (s *site) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	var err error
	if s.engine != nil {
		err = errors.Join(s.dropImages(ctx, ""), s.engine.Stop(ctx))
	}
	if s.mirror != nil {
		err = errors.Join(err, s.mirror.Close())
	}
	return errors.Join(err, os.RemoveAll(s.dir), s.lock.Close())
}

// held returns the engine's images of the mirror whose names there begin with below.
func (s *site) held(ctx context.Context, below string) ([]string, error) {
	listed, err := s.engine.CLI(ctx, "image", "ls", "--digests", "--format", `{{.Repository}}{{if eq .Tag "<none>"}}@{{.Digest}}{{else}}:{{.Tag}}{{end}}`)
	if err != nil {
		return nil, err
	}
	// With its digests an image has a line for each.
	refs := slices.Compact(slices.Sorted(strings.FieldsSeq(listed)))
	return slices.DeleteFunc(refs, func(ref string) bool {
		host, path, _ := strings.Cut(ref, "/")
		return host != s.mirror.Host && host != beyond || !strings.HasPrefix(path, below)
	}), nil
}

// dropImages removes them from the engine.
func (s *site) dropImages(ctx context.Context, below string) error {
	held, err := s.held(ctx, below)
	if err != nil || len(held) == 0 {
		return err
	}
	_, err = s.engine.CLI(ctx, append([]string{"image", "rm"}, held...)...)
	return err
}
