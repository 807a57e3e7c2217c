package backend

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"istio-conformance/internal/process/artifact"
)

func backendOf(t *testing.T, source string) *Backend {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "images", "backend")
	err := errors.Join(
		os.MkdirAll(dir, 0o755),
		os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example/backend\n\ngo 1.26\n"), 0o644),
		os.WriteFile(filepath.Join(dir, "go.sum"), nil, 0o644),
		os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o644),
	)
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(root, "go1.26.1")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestReferenceFollowsTheProgram(t *testing.T) {
	first := backendOf(t, "package main\n\nfunc main() {}\n")
	if want := Hub + "/backend:" + first.Key(); first.Reference() != want {
		t.Errorf("the reference is %s, want %s", first.Reference(), want)
	}
	if other := backendOf(t, "package main\n\nfunc main() { println() }\n"); other.Reference() == first.Reference() {
		t.Error("another program has the same reference")
	}
}

func TestImageRunsTheProgramAsNobody(t *testing.T) {
	b := backendOf(t, "package main\n\nfunc main() {}\n")
	store, err := artifact.Open(t.TempDir(), t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	image, err := b.Image(t.Context(), store, filepath.Join(t.TempDir(), "layer.tar"))
	if err != nil {
		t.Fatal(err)
	}
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c := file.Config; len(c.Entrypoint) != 1 || c.Entrypoint[0] != "/backend" || c.User != user {
		t.Errorf("it runs %v as %s", c.Entrypoint, c.User)
	}
	layers, err := image.Layers()
	if err != nil || len(layers) != 1 {
		t.Errorf("it has %d layers: %v", len(layers), err)
	}
}
