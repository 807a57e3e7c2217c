package release

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"istio-conformance/internal/exitcode"
	"istio-conformance/internal/images"
	"istio-conformance/internal/images/artifact"
	"istio-conformance/internal/images/backend"
	"istio-conformance/internal/images/gobuild"
	"istio-conformance/internal/images/oci"
	"istio-conformance/internal/provider"
)

// pull fetches the references that the engine does not hold.
func (s *Source) pull(ctx context.Context, refs []string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(pulls)
	for _, ref := range refs {
		group.Go(func() error {
			there, err := s.options.Engine.HasImage(ctx, ref)
			if err != nil || there {
				return err
			}
			started := time.Now()
			if err := s.options.Engine.Pull(ctx, ref); err != nil {
				return exitcode.Environmentf("%w; if no registry can be reached, use IMAGES=modules or an archive", err)
			}
			s.options.Logf("pulled %s in %s", ref, time.Since(started).Round(time.Second))
			return nil
		})
	}
	return group.Wait()
}

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

// identify notes the ID of each image of the set.
func (s *Source) identify(ctx context.Context, set *images.Set) error {
	for _, ref := range append([]string{set.Node}, set.Load...) {
		id, err := s.options.Engine.CLI(ctx, "image", "inspect", "--format", "{{.Id}}", ref)
		if err != nil {
			return fmt.Errorf("identify the image %s: %w", ref, err)
		}
		set.Digests[ref] = provider.ImageID(id)
	}
	return nil
}
