package release

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"

	"istio-conformance/internal/images"
	"istio-conformance/internal/images/mirror"
	"istio-conformance/internal/mesh/charts/origin"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
)

// fakeEngine pulls from a real registry and keeps only the images' IDs.
type fakeEngine struct {
	mu                         sync.Mutex
	ids, digests, architecture map[string]string
	pulls                      []string
	// info is what the engine's own configuration says of proxies and mirrors.
	info string
}

func newEngine() *fakeEngine {
	return &fakeEngine{ids: map[string]string{}, digests: map[string]string{}, architecture: map[string]string{}}
}

func (e *fakeEngine) HasImage(_ context.Context, ref string) (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ids[ref] != "", nil
}

func (e *fakeEngine) Pull(ctx context.Context, ref string) error {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return err
	}
	image, err := remote.Image(parsed, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithRetryBackoff(remote.Backoff{Steps: 1}))
	if err != nil {
		return err
	}
	// As an engine does it: every blob is read and compared with its digest.
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	for _, layer := range layers {
		content, err := layer.Compressed()
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, content); err != nil {
			return errors.Join(err, content.Close())
		}
		if err := content.Close(); err != nil {
			return err
		}
	}
	config, err := image.ConfigFile()
	if err != nil {
		return err
	}
	id, err := image.ConfigName()
	if err != nil {
		return err
	}
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pulls = append(e.pulls, ref)
	e.ids[ref], e.architecture[ref] = id.String(), config.Architecture
	e.digests[ref] = parsed.Context().Name() + "@" + digest.String()
	return nil
}

// Load takes what an archive names for loaded; the only one is the backend's.
func (e *fakeEngine) Load(_ context.Context, path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	_, rest, found := strings.Cut(string(data), `"RepoTags":["`)
	if !found {
		return errors.New("no image in the archive")
	}
	ref, _, _ := strings.Cut(rest, `"`)
	e.ids[ref] = "sha256:loaded"
	return nil
}

func (e *fakeEngine) CLI(_ context.Context, args ...string) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	ref := args[len(args)-1]
	switch line := strings.Join(args[:len(args)-1], " "); {
	case line == "info --format":
		return e.info, nil
	case e.ids[ref] == "":
		return "", fmt.Errorf("unexpected: docker %s %s", line, ref)
	case line == "image rm":
		delete(e.ids, ref)
		return "", nil
	case strings.Contains(line, "Architecture"):
		return cmp.Or(e.architecture[ref], runtime.GOARCH), nil
	case strings.Contains(line, "RepoDigests"):
		return e.digests[ref], nil
	}
	return "", fmt.Errorf("unexpected: docker %s", strings.Join(args, " "))
}

func (e *fakeEngine) ImageID(_ context.Context, ref string) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ids[ref] == "" {
		return "", fmt.Errorf("no such image: %s", ref)
	}
	return e.ids[ref], nil
}

func (e *fakeEngine) Save(context.Context, string, ...string) error {
	return errors.New("a release saves nothing")
}

// chartRepository serves the charts of a version.
func chartRepository(t *testing.T, m *mirror.Mirror, version string) origin.Origin {
	t.Helper()
	var charts []mirror.Chart
	for _, chartName := range images.ChartNames {
		path, err := chartutil.Save(&chart.Chart{Metadata: &chart.Metadata{APIVersion: "v2", Name: chartName, Version: version}}, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		charts = append(charts, mirror.Chart{Name: chartName, Version: version, Path: path})
	}
	if err := m.PublishCharts(charts...); err != nil {
		t.Fatal(err)
	}
	from, err := OpenCharts(m.ChartsURL(), t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	return from
}

// checkout writes a project with a backend that compiles fast.
func checkout(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "images", "backend")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		filepath.Join(root, "go.mod"): "module example\n\ngo 1.26\n",
		filepath.Join(dir, "go.mod"):  "module example/backend\n\ngo 1.26\n",
		filepath.Join(dir, "go.sum"):  "",
		filepath.Join(dir, "main.go"): "package main\n\nfunc main() {}\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// render names the images that Istio's charts would.
func render(_ context.Context, set *images.Set) ([]string, error) {
	return []string{set.Hub + "/pilot:" + set.Tag, set.Hub + "/proxyv2:" + set.Tag, set.Hub + "/install-cni:" + set.Tag}, nil
}

func TestPrepare(t *testing.T) {
	m, engine := published(t), newEngine()
	hub, node := m.Host+"/istio", m.Host+"/kindest/node:v1.36.4"
	source := New(Options{
		Nodes: map[string]string{"v1.36.4": node}, Charts: chartRepository(t, m, "1.31.0"), Hub: hub + "/",
		Images: render, Root: checkout(t), CacheDir: t.TempDir(), Engine: engine, Logf: t.Logf,
	})
	cell := istio.Pair{Istio: "1.31.0", Kubernetes: "v1.36.4"}
	set, err := source.Prepare(t.Context(), cell)
	if err != nil {
		t.Fatal(err)
	}
	if set.Node != node || !set.NodeCNI || set.Hub != hub || set.Tag != "1.31.0" {
		t.Errorf("got the set %+v", set)
	}
	if want := []string{hub + "/pilot:1.31.0", hub + "/proxyv2:1.31.0", hub + "/install-cni:1.31.0", set.Backend}; !slices.Equal(set.Load, want) {
		t.Errorf("to load: %v, want %v", set.Load, want)
	}
	for _, ref := range append([]string{node}, set.Load...) {
		want := cmp.Or(engine.digests[ref], engine.ids[ref])
		if set.Digests[ref] == "" || set.Digests[ref] != want {
			t.Errorf("%s is identified as %q, the engine has %q", ref, set.Digests[ref], want)
		}
	}
	for _, chartName := range images.ChartNames {
		if _, err := os.Stat(set.Charts[chartName]); err != nil {
			t.Errorf("the chart %s: %v", chartName, err)
		}
	}
	pulls := len(engine.pulls)
	if _, err := source.Prepare(t.Context(), cell); err != nil || len(engine.pulls) != pulls {
		t.Errorf("a second run pulled %v: %v", engine.pulls[pulls:], err)
	}
}

func TestPrepareExplains(t *testing.T) {
	m := published(t)
	hub, node := m.Host+"/istio", m.Host+"/kindest/node:v1.36.4"
	charts := chartRepository(t, m, "1.31.9")
	for what, test := range map[string]struct {
		cell istio.Pair
		hub  string
		code int
		want string
	}{
		"unknown Kubernetes": {istio.Pair{Istio: "1.31.9", Kubernetes: "v1.20.0"}, hub, exitcode.Usage, "known are v1.36.4"},
		"unknown Istio":      {istio.Pair{Istio: "1.31.8", Kubernetes: "v1.36.4"}, hub, exitcode.Usage, "no version 1.31.8"},
		"an image missing":   {istio.Pair{Istio: "1.31.9", Kubernetes: "v1.36.4"}, hub, exitcode.Environment, "the registry has no "},
	} {
		t.Run(what, func(t *testing.T) {
			source := New(Options{
				Nodes: map[string]string{"v1.36.4": node}, Charts: charts, Hub: test.hub,
				Images: render, Root: checkout(t), CacheDir: t.TempDir(), Engine: newEngine(), Logf: t.Logf,
			})
			_, err := source.Prepare(t.Context(), test.cell)
			if err == nil || exitcode.Of(err) != test.code || !strings.Contains(err.Error(), test.want) {
				t.Errorf("status %d: %v\nwant %d: ... %s ...", exitcode.Of(err), err, test.code, test.want)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	from, err := OpenCharts("", t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	if s := New(Options{Charts: from}); from.String() != DefaultCharts || s.options.Hub != DefaultHub {
		t.Errorf("got %s and %s", from, s.options.Hub)
	}
}

func TestCheckHub(t *testing.T) {
	for hub, ok := range map[string]bool{
		"": true, "docker.io/istio": true, "istio": true, "127.0.0.1:5000/istio": true, "registry.example/a/b/": true,
		"https://registry.example/istio": false, "oci://registry.example/istio": false, "registry.example/istio:1.31": false, "Registry/Istio": false,
	} {
		err := CheckHub(hub)
		if (err == nil) != ok || err != nil && (exitcode.Of(err) != exitcode.Usage || !strings.Contains(err.Error(), "HUB="+hub)) {
			t.Errorf("%q: %v", hub, err)
		}
	}
}

func TestDefaultsAreThoseOfTheTable(t *testing.T) {
	table, err := istio.Load()
	if err != nil {
		t.Fatal(err)
	}
	if c := table.Coordinates; c.Charts != DefaultCharts || c.Hub != DefaultHub {
		t.Errorf("fixtures/versions.yaml has %s and %s, this package %s and %s", c.Charts, c.Hub, DefaultCharts, DefaultHub)
	}
}
