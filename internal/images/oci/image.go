package oci

import (
	"fmt"
	"io"
	"runtime"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Image returns an image of this machine's architecture with the layers, the
// lowest first.
func Image(config v1.Config, layers ...*Layer) (v1.Image, error) {
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		OS:           "linux",
		Architecture: runtime.GOARCH,
		Created:      v1.Time{Time: epoch},
		Config:       config,
		RootFS:       v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, fmt.Errorf("configure an image: %w", err)
	}
	for _, layer := range layers {
		if image, err = mutate.AppendLayers(image, layer); err != nil {
			return nil, fmt.Errorf("add a layer to an image: %w", err)
		}
	}
	return image, nil
}

// Archive maps references, each with a tag, to images.
type Archive map[string]v1.Image

// Write writes the archive in the format of "docker save". A layer that
// several images share is written once.
func (a Archive) Write(w io.Writer) error {
	images := map[name.Reference]v1.Image{}
	for ref, image := range a {
		tag, err := name.NewTag(ref)
		if err != nil {
			return fmt.Errorf("write an image archive: %w", err)
		}
		images[tag] = image
	}
	if err := tarball.MultiRefWrite(images, w); err != nil {
		return fmt.Errorf("write an image archive: %w", err)
	}
	return nil
}

// IDs returns the image ID of each reference: the digest of its configuration,
// which is what an engine and the kubelet report.
func (a Archive) IDs() (map[string]string, error) {
	ids := map[string]string{}
	for ref, image := range a {
		id, err := image.ConfigName()
		if err != nil {
			return nil, fmt.Errorf("identify the image %s: %w", ref, err)
		}
		ids[ref] = id.String()
	}
	return ids, nil
}
