package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"istio-conformance/internal/process/exitcode"
)

// loadMissing loads the images again when the engine has lost one of them or
// holds another one under its name.
func (s *Source) loadMissing(ctx context.Context, m *manifest) (err error) {
	for ref, want := range m.References {
		there, err := s.options.Engine.HasImage(ctx, ref)
		if err != nil {
			return err
		}
		id := ""
		if there {
			if id, err = s.options.Engine.ImageID(ctx, ref); err != nil {
				return err
			}
		}
		if id == want {
			continue
		}
		dir, err := os.MkdirTemp(s.options.CacheDir, "archive-")
		if err != nil {
			return fmt.Errorf("make room for the archive: %w", err)
		}
		return errors.Join(s.load(ctx, m, dir), os.RemoveAll(dir))
	}
	return nil
}

// load unpacks the archive into dir, verifies it and loads its images, which
// do not stay in dir.
func (s *Source) load(ctx context.Context, m *manifest, dir string) error {
	started := time.Now()
	if err := s.open(func(r *tar.Reader) error { return m.unpack(ctx, r, s.path, dir) }); err != nil {
		return err
	}
	exported := filepath.Join(dir, imagesName)
	if err := s.options.Engine.Load(ctx, exported); err != nil {
		return err
	}
	s.options.Logf("loaded %s in %s", s.path, time.Since(started).Round(time.Second))
	return os.Remove(exported)
}

// unpack writes the entries to dir and compares each with its checksum.
func (m *manifest) unpack(ctx context.Context, r *tar.Reader, path, dir string) error {
	damaged := func(format string, args ...any) error {
		return exitcode.Environmentf("the archive %s is damaged: %w; copy it again", path, fmt.Errorf(format, args...))
	}
	found := map[string]bool{}
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return damaged("%w", err)
		}
		if header.Name == manifestName {
			continue
		}
		want, listed := m.Files[header.Name]
		if !listed {
			return damaged("%s is not in its manifest", header.Name)
		}
		got, err := unpackFile(r, filepath.Join(dir, filepath.FromSlash(header.Name)))
		if err != nil {
			return damaged("%w", err)
		}
		if got != want {
			return damaged("%s has the checksum %s instead of %s", header.Name, got, want)
		}
		found[header.Name] = true
	}
	for name := range m.Files {
		if !found[name] {
			return damaged("%s is missing", name)
		}
	}
	return nil
}

// unpackFile writes one entry and returns its checksum.
func unpackFile(r io.Reader, path string) (_ string, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	file, err := os.Create(path)
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(file, r); err != nil {
		return "", errors.Join(err, file.Close())
	}
	if err := file.Close(); err != nil {
		return "", err
	}
	return checksum(path)
}
