package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"istio-conformance/internal/images"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
)

var cell = istio.Pair{Istio: "1.31.0", Kubernetes: "v1.36.3"}

// fakeEngine holds images, name to ID, and moves them through files.
type fakeEngine struct {
	ids   map[string]string
	loads int
}

func (e *fakeEngine) HasImage(_ context.Context, ref string) (bool, error) {
	return e.ids[ref] != "", nil
}

func (e *fakeEngine) Load(_ context.Context, path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	e.loads++
	for _, line := range strings.Fields(string(data)) {
		ref, id, _ := strings.Cut(line, "=")
		e.ids[ref] = id
	}
	return nil
}

func (e *fakeEngine) Pull(context.Context, string) error { return errors.New("no registry") }

func (e *fakeEngine) CLI(_ context.Context, args ...string) (string, error) {
	if args[1] != "tag" {
		return "", fmt.Errorf("unexpected: docker %s", strings.Join(args, " "))
	}
	e.ids[args[3]] = e.ids[args[2]]
	return "", nil
}

func (e *fakeEngine) ImageID(_ context.Context, ref string) (string, error) {
	if e.ids[ref] == "" {
		return "", fmt.Errorf("no such image: %s", ref)
	}
	return e.ids[ref], nil
}

func (e *fakeEngine) Save(_ context.Context, path string, refs ...string) error {
	var text []string
	for _, ref := range refs {
		text = append(text, ref+"="+e.ids[ref])
	}
	return os.WriteFile(path, []byte(strings.Join(text, "\n")), 0o644)
}

// prepared returns an engine with a set, as a source leaves them.
func prepared(t *testing.T) (*fakeEngine, *images.Set) {
	t.Helper()
	dir := t.TempDir()
	set := &images.Set{
		Source: istio.SourceRelease, Node: "kindest/node:v1.36.3@sha256:aa", NodeCNI: true, Load: []string{"istio/pilot:1.31.0"},
		Hub: "istio", Tag: "1.31.0", Charts: map[string]string{}, Notes: []string{"a note"},
	}
	for _, name := range images.ChartNames {
		set.Charts[name] = filepath.Join(dir, name+"-1.31.0.tgz")
		if err := os.WriteFile(set.Charts[name], []byte("chart "+name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &fakeEngine{ids: map[string]string{set.Node: "sha256:node", set.Load[0]: "sha256:pilot"}}, set
}

// saved returns the path of an archive with the given ending.
func saved(t *testing.T, ending string) string {
	t.Helper()
	engine, set := prepared(t)
	path := filepath.Join(t.TempDir(), "cell"+ending)
	if err := Save(t.Context(), engine, cell, set, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSaveAndPrepare(t *testing.T) {
	for _, ending := range []string{".tar", ".tar.gz", ".tgz", ".tar.zst"} {
		t.Run(ending, func(t *testing.T) {
			path := saved(t, ending)
			engine := &fakeEngine{ids: map[string]string{}}
			source := New(path, Options{CacheDir: t.TempDir(), Engine: engine, Logf: t.Logf})
			if got, err := source.Cell(); err != nil || got != cell {
				t.Fatalf("holds the cell %v: %v", got, err)
			}
			set, err := source.Prepare(t.Context(), cell)
			if err != nil {
				t.Fatal(err)
			}
			// A name by digest does not survive "docker save".
			if set.Node != "istio-conformance/node:v1.36.3-release" || engine.ids[set.Node] != "sha256:node" || engine.ids[set.Load[0]] != "sha256:pilot" {
				t.Errorf("node %s, engine %v", set.Node, engine.ids)
			}
			if set.Source != istio.SourceArchive || !set.NodeCNI || set.Hub != "istio" || !slices.Contains(set.Notes, "a note") {
				t.Errorf("got the set %+v", set)
			}
			for _, name := range images.ChartNames {
				if data, err := os.ReadFile(set.Charts[name]); err != nil || string(data) != "chart "+name {
					t.Errorf("the chart %s holds %q: %v", name, data, err)
				}
			}
		})
	}
}

func TestPrepareLoadsOnlyWhatIsMissing(t *testing.T) {
	path := saved(t, ".tar")
	engine := &fakeEngine{ids: map[string]string{}}
	source := New(path, Options{CacheDir: t.TempDir(), Engine: engine, Logf: t.Logf})
	for step, want := range []int{1, 1, 2, 3} {
		switch step {
		case 2:
			delete(engine.ids, "istio/pilot:1.31.0")
		case 3:
			engine.ids["istio/pilot:1.31.0"] = "sha256:of another build"
		}
		if _, err := source.Prepare(t.Context(), cell); err != nil {
			t.Fatal(err)
		}
		if engine.loads != want {
			t.Errorf("step %d: loaded %d times, want %d", step, engine.loads, want)
		}
	}
}

func TestPrepareRefuses(t *testing.T) {
	whole, err := os.ReadFile(saved(t, ".tar"))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		data []byte
		cell istio.Pair
		code int
		want string
	}{
		"another cell":       {whole, istio.Pair{Istio: "1.30.0", Kubernetes: "v1.36.3"}, exitcode.Usage, "holds Istio 1.31.0 on Kubernetes v1.36.3, not Istio 1.30.0"},
		"a changed chart":    {bytes.Replace(whole, []byte("chart istiod"), []byte("chart evil.."), 1), cell, exitcode.Environment, "charts/istiod-1.31.0.tgz has the checksum"},
		"a short file":       {whole[:len(whole)-4096], cell, exitcode.Environment, "is damaged"},
		"an added file":      {withEntry(t, whole, "extra"), cell, exitcode.Environment, "extra is not in its manifest"},
		"no archive":         {[]byte("not a tar file"), cell, exitcode.Usage, "is not an archive of images"},
		"another tar file":   {withEntry(t, nil, "README"), cell, exitcode.Usage, "it begins with README"},
		"a later schema":     {bytes.Replace(whole, []byte("images/v1"), []byte("images/v2"), 1), cell, exitcode.Usage, "this version reads"},
		"a path that climbs": {bytes.ReplaceAll(whole, []byte(`"charts/cni-1`), []byte(`"../../../x-1`)), cell, exitcode.Usage, "leads out of the archive"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "cell.tar")
			if err := os.WriteFile(path, test.data, 0o644); err != nil {
				t.Fatal(err)
			}
			engine := &fakeEngine{ids: map[string]string{}}
			_, err := New(path, Options{CacheDir: t.TempDir(), Engine: engine, Logf: t.Logf}).Prepare(t.Context(), test.cell)
			if err == nil || exitcode.Of(err) != test.code || !strings.Contains(err.Error(), test.want) {
				t.Errorf("status %d: %v\nwant %d: ... %s ...", exitcode.Of(err), err, test.code, test.want)
			}
			if engine.loads != 0 {
				t.Error("the images were loaded all the same")
			}
		})
	}
}

func TestNames(t *testing.T) {
	engine, set := prepared(t)
	dir := t.TempDir()
	if err := Save(t.Context(), engine, cell, set, filepath.Join(dir, "cell.zip")); exitcode.Of(err) != exitcode.Usage {
		t.Errorf("saved with an unknown ending: %v", err)
	}
	if _, err := New(filepath.Join(dir, "none.tar"), Options{}).Cell(); exitcode.Of(err) != exitcode.Usage {
		t.Errorf("read a file that is not there: %v", err)
	}
}

func TestFailedSaveLeavesTheOldFile(t *testing.T) {
	engine, set := prepared(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "cell.tar")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	delete(set.Charts, "ztunnel")
	if err := Save(t.Context(), engine, cell, set, path); err == nil || !strings.Contains(err.Error(), "the chart ztunnel is missing") {
		t.Errorf("got %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "old" {
		t.Errorf("the old file holds %q: %v", data, err)
	}
}

// withEntry returns the tar file with one more entry.
func withEntry(t *testing.T, data []byte, name string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(w, r); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}), w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
