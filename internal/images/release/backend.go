package release

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"istio-conformance/internal/images/backend"
	"istio-conformance/internal/images/oci"
	"istio-conformance/internal/process/artifact"
	"istio-conformance/internal/process/gobuild"
)

// backend builds the tests' backend, loads it into the engine unless it is
// there, and returns its reference.
func (s *Source) backend(ctx context.Context, store *artifact.Store) (_ string, err error) {
	toolchain, err := gobuild.Toolchain(ctx)
	if err != nil {
		return "", err
	}
	b, err := backend.New(s.options.Root, toolchain)
	if err != nil {
		return "", err
	}
	there, err := s.options.Engine.HasImage(ctx, b.Reference())
	if err != nil || there {
		return b.Reference(), err
	}
	dir, err := os.MkdirTemp(s.options.CacheDir, "backend-")
	if err != nil {
		return "", fmt.Errorf("make room for the backend's image: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	image, err := b.Image(ctx, store, filepath.Join(dir, "layer.tar"))
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "image.tar")
	if err := writeArchive(path, oci.Archive{b.Reference(): image}); err != nil {
		return "", err
	}
	return b.Reference(), s.options.Engine.Load(ctx, path)
}

func writeArchive(path string, archive oci.Archive) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("create an image archive: %w", err)
	}
	buffered := bufio.NewWriter(file)
	return errors.Join(archive.Write(buffered), buffered.Flush(), file.Close())
}
