package oci

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func TestArchiveHoldsASharedLayerOnce(t *testing.T) {
	dir := t.TempDir()
	layer := func(file string) *Layer {
		var tree Tree
		tree.Bytes(file, 0o755, []byte(file))
		l, err := tree.Layer(filepath.Join(dir, file+".tar"))
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	base := layer("base")
	archive := Archive{}
	for _, program := range []string{"pilot", "proxyv2"} {
		image, err := Image(v1.Config{Entrypoint: []string{"/" + program}}, base, layer(program))
		if err != nil {
			t.Fatal(err)
		}
		archive["localhost/test/"+program+":1.31.0"] = image
	}
	var out bytes.Buffer
	if err := archive.Write(&out); err != nil {
		t.Fatal(err)
	}
	if got := countLayers(t, bytes.NewReader(out.Bytes())); got != 3 {
		t.Errorf("the archive holds %d layers, want 3: the base once and one for each image", got)
	}
	checkReadable(t, out.Bytes(), archive)
}

func TestArchiveRefusesABadReference(t *testing.T) {
	image, err := Image(v1.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := (Archive{"UPPER:1": image}).Write(io.Discard); err == nil {
		t.Error("a reference in capitals was written")
	}
}

func countLayers(t *testing.T, r io.Reader) int {
	t.Helper()
	layers := 0
	for archive := tar.NewReader(r); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return layers
		}
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(header.Name) == ".tar" {
			layers++
		}
	}
}

// checkReadable reads the archive back with another reader than ours.
func checkReadable(t *testing.T, data []byte, archive Archive) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "images.tar")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	ids, err := archive.IDs()
	if err != nil {
		t.Fatal(err)
	}
	for ref, want := range ids {
		tag, err := name.NewTag(ref)
		if err != nil {
			t.Fatal(err)
		}
		image, err := tarball.ImageFromPath(path, &tag)
		if err != nil {
			t.Fatalf("%s: %v", ref, err)
		}
		id, err := image.ConfigName()
		if err != nil || id.String() != want {
			t.Errorf("%s has the ID %s, want %s: %v", ref, id, want, err)
		}
	}
}
