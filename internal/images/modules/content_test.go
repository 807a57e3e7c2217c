package modules

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"istio-conformance/internal/process/exitcode"
)

func TestStateAddsOnlyNewBlobs(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	lower := filepath.Join(dir, "lower.tar")
	upper := filepath.Join(dir, "upper.tar")
	write(t, filepath.Join(root, blobDir, "aaa"), "kubernetes")
	write(t, filepath.Join(root, database), "names aaa")
	write(t, filepath.Join(root, "io.containerd.grpc.v1.introspection/uuid"), "of this machine")
	if err := writeState(root, nil, lower); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "copied")
	if err := extract(lower, containerdRoot, copied); err != nil {
		t.Fatal(err)
	}
	below, err := blobs(copied)
	if err != nil || len(below) != 1 || !below["aaa"] {
		t.Fatalf("the copy holds %v: %v", below, err)
	}
	if data, err := os.ReadFile(filepath.Join(copied, database)); err != nil || string(data) != "names aaa" {
		t.Errorf("the copy's database holds %q: %v", data, err)
	}
	write(t, filepath.Join(copied, blobDir, "bbb"), "istio")
	if err := writeState(copied, below, upper); err != nil {
		t.Fatal(err)
	}
	want := []string{containerdRoot + "/" + blobDir + "/bbb", containerdRoot + "/" + database}
	if got := regularFiles(t, upper); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestExtractStaysInside(t *testing.T) {
	dir := t.TempDir()
	layer := filepath.Join(dir, "layer.tar")
	file, err := os.Create(layer)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(file)
	for _, name := range []string{containerdRoot + "/../../escaped", "other/file", containerdRoot + "/kept"} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(dir, "a", "b", "to")
	if err := extract(layer, containerdRoot, to); err != nil {
		t.Fatal(err)
	}
	var found []string
	err = filepath.WalkDir(filepath.Join(dir, "a"), func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			found = append(found, filepath.Base(path))
		}
		return err
	})
	if err != nil || !slices.Equal(found, []string{"kept"}) {
		t.Errorf("extracted %v: %v", found, err)
	}
}

func regularFiles(t *testing.T, path string) []string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}()
	var names []string
	for r := tar.NewReader(file); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag == tar.TypeReg {
			names = append(names, header.Name)
		}
	}
}

func TestExplain(t *testing.T) {
	network := errors.New("mmdebstrap: exit status 100:\n  Err:1 http://mirror bookworm InRelease\n  Temporary failure resolving 'mirror'\n  E: failed")
	err := explain("Debian packages", network)
	if exitcode.Of(err) != exitcode.Environment || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "cannot fetch Debian packages: Temporary failure") {
		t.Errorf("status %d: %q", exitcode.Of(err), err)
	}
	other := errors.New("mmdebstrap: no space left on device")
	if err := explain("Debian packages", other); !errors.Is(err, other) {
		t.Errorf("another cause got lost: %v", err)
	}
}
