package release

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"istio-conformance/internal/images/backend"
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
	path := filepath.Join(dir, "image.tar")
	if err := b.WriteArchive(ctx, store, path, b.Reference()); err != nil {
		return "", err
	}
	return b.Reference(), s.options.Engine.Load(ctx, path)
}
