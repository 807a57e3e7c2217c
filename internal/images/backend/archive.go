package backend

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"istio-conformance/internal/images/oci"
	"istio-conformance/internal/process/artifact"
	"istio-conformance/internal/process/gobuild"
	"istio-conformance/internal/process/progress"
)

// Build writes the image of the checkout root to an archive, as "docker save" does, and
// returns its reference: the one that is asked for, or Reference.
func Build(ctx context.Context, root, cacheDir, path, asked string, logf progress.Logf) (reference string, err error) {
	toolchain, err := gobuild.Toolchain(ctx)
	if err != nil {
		return "", err
	}
	b, err := New(root, toolchain)
	if err != nil {
		return "", err
	}
	store, err := artifact.Open(filepath.Join(cacheDir, "artifacts"), logf)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	reference = cmp.Or(asked, b.Reference())
	return reference, b.WriteArchive(ctx, store, path, reference)
}

// WriteArchive writes the image to an archive under a name of the caller's.
func (b *Backend) WriteArchive(ctx context.Context, store *artifact.Store, path, reference string) (err error) {
	dir, err := os.MkdirTemp(filepath.Dir(path), "backend-")
	if err != nil {
		return fmt.Errorf("make room for the backend's image: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	image, err := b.Image(ctx, store, filepath.Join(dir, "layer.tar"))
	if err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("create an image archive: %w", err)
	}
	buffered := bufio.NewWriter(file)
	return errors.Join(oci.Archive{reference: image}.Write(buffered), buffered.Flush(), file.Close())
}
