package archive

import (
	"archive/tar"
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"istio-conformance/internal/images"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/artifact"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// Options are what a Source needs.
type Options struct {
	// CacheDir is where the charts are kept between runs.
	CacheDir string
	// Engine receives the images.
	Engine images.Engine
	// Logf receives a line for each step that takes time.
	Logf progress.Logf
}

// Source reads one archive. It implements images.Source.
type Source struct {
	path    string
	options Options
}

// New returns the source that reads the file path, as Save wrote it.
func New(path string, options Options) *Source { return &Source{path, options} }

// Name returns istio.SourceArchive.
func (s *Source) Name() string { return istio.SourceArchive }

// Cell returns the versions that the archive holds.
func (s *Source) Cell() (istio.Pair, error) {
	m, err := s.manifest()
	if err != nil {
		return istio.Pair{}, err
	}
	return m.Cell, nil
}

// Prepare verifies the archive and loads its images into the engine. When the
// engine holds them already only the manifest is read.
func (s *Source) Prepare(ctx context.Context, cell istio.Pair) (_ *images.Set, err error) {
	m, err := s.manifest()
	if err != nil {
		return nil, err
	}
	if err := m.checkCell(s.path, cell); err != nil {
		return nil, err
	}
	key, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("identify the archive: %w", err)
	}
	store, err := artifact.Open(filepath.Join(s.options.CacheDir, "artifacts"), s.options.Logf)
	if err != nil {
		return nil, err
	}
	defer func() {
		// On success the locks stay: the charts of the set are in the store.
		if err != nil {
			err = errors.Join(err, store.Close())
		}
	}()
	id := artifact.ID{Name: "archive", Key: artifact.Key(string(key))}
	loaded := false
	load := func(ctx context.Context, dir string) error {
		loaded = true
		return s.load(ctx, m, dir)
	}
	dir, err := store.Ensure(ctx, id, load)
	if err != nil {
		return nil, err
	}
	if !loaded {
		if err := s.loadMissing(ctx, m); err != nil {
			return nil, err
		}
	}
	return m.set(dir), nil
}

// set describes what was unpacked in dir.
func (m *manifest) set(dir string) *images.Set {
	set := m.Set
	set.Notes = append([]string{"the images and charts come from an archive, made there by the source " + m.Set.Source}, m.Set.Notes...)
	set.Source = istio.SourceArchive
	set.Charts = map[string]string{}
	for name, entry := range m.Set.Charts {
		set.Charts[name] = filepath.Join(dir, filepath.FromSlash(entry))
	}
	return &set
}

// manifest reads the first entry of the archive.
func (s *Source) manifest() (m *manifest, err error) {
	err = s.open(func(r *tar.Reader) error {
		m, err = readManifest(r, s.path)
		return err
	})
	return m, err
}

// open calls read with the archive's entries.
func (s *Source) open(read func(*tar.Reader) error) (err error) {
	format, err := compression(s.path)
	if err != nil {
		return err
	}
	file, err := os.Open(s.path)
	if err != nil {
		return exitcode.Usagef("cannot read the archive of images: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	plain, err := decompressor(format, bufio.NewReaderSize(file, 1<<20))
	if err != nil {
		return exitcode.Usagef("%s is not an archive of images that istio-conformance saved: %w", s.path, err)
	}
	defer func() { err = errors.Join(err, plain.Close()) }()
	return read(tar.NewReader(plain))
}
