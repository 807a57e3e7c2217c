package cluster

import (
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"istio-conformance/internal/process/exitcode"
)

func TestArchiveImages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "images.tar")
	tag, err := name.NewTag("istio-conformance/backend:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := tarball.WriteToFile(path, tag, empty.Image); err != nil {
		t.Fatal(err)
	}
	id, err := empty.Image.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	images, err := archiveImages(path)
	if err != nil {
		t.Fatal(err)
	}
	want := image{"docker.io/istio-conformance/backend:1", id.String()}
	if len(images) != 1 || images[0] != want {
		t.Errorf("images %v, want %v", images, want)
	}
	_, err = archiveImages("load.go")
	checkError(t, err, exitcode.Environment, "load.go is no image archive")
}

func TestParseImages(t *testing.T) {
	images := parseImages(`REF              TYPE                                    DIGEST     SIZE     PLATFORMS   LABELS
docker.io/a/b:1  application/vnd.docker.distribution...  sha256:m1  1.2 MiB  linux/amd64 io.cri-containerd.image=managed
x.io/c:2         application/vnd.docker.distribution...  sha256:m1  1.2 MiB  linux/amd64 -
x.io/d:3         application/vnd.docker.distribution...  sha256:m2  1.2 MiB  linux/amd64 -
sha256:1         application/vnd.docker.distribution...  sha256:m1  1.2 MiB  linux/amd64 -
`)
	if !hasAll(images, []image{{"docker.io/a/b:1", "sha256:1"}, {"x.io/c:2", "sha256:1"}, {"x.io/d:3", ""}}) {
		t.Errorf("images %v", images)
	}
	if hasAll(images, []image{{"docker.io/a/b:1", "sha256:9"}}) {
		t.Error("an image of the same name and another id counts as present")
	}
}

func TestMissingAnywhere(t *testing.T) {
	c := &Cluster{nodes: []container{{Name: "a"}, {Name: "b"}}}
	img := image{"i:1", "sha256:1"}
	if !c.missingAnywhere(map[string][]image{"a": {img}}, img) {
		t.Error("node b lacks the image")
	}
	if c.missingAnywhere(map[string][]image{"a": {img}, "b": {img}}, img) {
		t.Error("both nodes have the image")
	}
}

func TestCanonical(t *testing.T) {
	for reference, want := range map[string]string{
		"busybox":                 "docker.io/library/busybox:latest",
		"istio/pilot:1.31.0":      "docker.io/istio/pilot:1.31.0",
		"registry.k8s.io/pause:3": "registry.k8s.io/pause:3",
		"localhost/conf:1":        "localhost/conf:1",
		"No Reference":            "No Reference",
	} {
		if got := canonical(reference); got != want {
			t.Errorf("canonical(%q) = %q, want %q", reference, got, want)
		}
	}
}
