package modules

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"istio-conformance/internal/images"
	"istio-conformance/internal/images/oci"
)

// nodeLabel marks the node images that this project has loaded.
const nodeLabel = "istio-conformance.image"

// nameless is how the engine lists an image whose name another one has taken.
const nameless = "<none>:<none>"

// nodeImage puts layers in an artifact together, the lowest first. The settings
// are those of kind's Dockerfile: systemd looks for "container", and ends
// cleanly on SIGRTMIN+3 only.
func nodeImage(dir string, names ...string) (v1.Image, error) {
	var layers []*oci.Layer
	for _, name := range names {
		layer, err := oci.OpenLayer(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	return oci.Image(v1.Config{
		Entrypoint: []string{"/usr/local/bin/entrypoint", "/sbin/init"},
		Env:        []string{"container=docker", searchPath},
		StopSignal: "SIGRTMIN+3",
		Labels:     map[string]string{nodeLabel: "node"},
	}, layers...)
}

// loadNode loads the node image into the engine.
func (b *build) loadNode(ctx context.Context, engine images.Engine) (err error) {
	cell, err := b.cellDir(ctx)
	if err != nil {
		return err
	}
	image, err := nodeImage(cell, cellLayers...)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(b.cacheDir, "node-*.tar")
	if err != nil {
		return fmt.Errorf("make room for the node image: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	buffered := bufio.NewWriterSize(file, 1<<20)
	archive := oci.Archive{b.plan.reference(): image}
	if err := errors.Join(archive.Write(buffered), buffered.Flush(), file.Close()); err != nil {
		return err
	}
	if err := engine.Load(ctx, file.Name()); err != nil {
		return fmt.Errorf("load the node image: %w", err)
	}
	return nil
}

// removeSuperseded removes the engine's older node images of the same cell and
// those that have lost their name. What a cluster still runs from stays.
func (b *build) removeSuperseded(ctx context.Context, engine images.Engine) error {
	listed, err := engine.CLI(ctx, "image", "ls", "--filter", "label="+nodeLabel+"=node", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}")
	if err != nil {
		return fmt.Errorf("list the node images: %w", err)
	}
	for line := range strings.Lines(listed) {
		ref, id, _ := strings.Cut(strings.TrimSpace(line), " ")
		ref = strings.TrimPrefix(ref, "docker.io/") // as podman lists it
		switch {
		case ref == nameless:
			ref = id
		case ref == b.plan.reference() || !strings.HasPrefix(ref, b.plan.referencePrefix()+"-"):
			continue
		}
		if _, err := engine.CLI(ctx, "image", "rm", ref); err != nil {
			b.logf("kept the older node image %s, which is in use", ref)
			continue
		}
		b.logf("removed the older node image %s", ref)
	}
	return nil
}
