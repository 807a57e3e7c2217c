package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"istio-conformance/internal/images"
	"istio-conformance/internal/mesh/istio"
)

// Save writes the set of a cell, which a source has prepared in the engine, to
// the file path. The name's ending chooses the compression: .tar, .tar.gz, .tgz
// or .tar.zst. An existing file is replaced only when the new one is complete.
func Save(ctx context.Context, engine images.Engine, cell istio.Pair, set *images.Set, path string) (err error) {
	format, err := compression(path)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".saving-")
	if err != nil {
		return fmt.Errorf("make room for the archive: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	m := &manifest{Schema: schema, Cell: cell, Set: *set, References: map[string]string{}, Files: map[string]string{}}
	exported := filepath.Join(dir, imagesName)
	if err := m.exportImages(ctx, engine, exported); err != nil {
		return err
	}
	sources := map[string]string{imagesName: exported}
	// A program for this machine, which the other one need not be.
	m.Set.Istioctl = ""
	m.Set.Charts = map[string]string{}
	for name, file := range set.Charts {
		entry := chartsDir + filepath.Base(file)
		m.Set.Charts[name] = entry
		sources[entry] = file
	}
	for name, source := range sources {
		if m.Files[name], err = checksum(source); err != nil {
			return err
		}
	}
	if err := m.validate(); err != nil {
		return fmt.Errorf("save %s: the set is incomplete: %w", path, err)
	}
	whole := filepath.Join(dir, "whole")
	if err := m.write(whole, format, sources); err != nil {
		return err
	}
	return os.Rename(whole, path)
}

// exportImages saves the set's images from the engine. A reference by digest
// would lose its name on the way, so such an image gets one of its own.
func (m *manifest) exportImages(ctx context.Context, engine images.Engine, path string) error {
	if strings.Contains(m.Set.Node, "@") {
		named := "istio-conformance/node:" + m.Cell.Kubernetes + "-" + m.Set.Source
		if _, err := engine.CLI(ctx, "image", "tag", m.Set.Node, named); err != nil {
			return fmt.Errorf("name the node image: %w", err)
		}
		m.Set.Node = named
	}
	refs := append([]string{m.Set.Node}, m.Set.Load...)
	for _, ref := range refs {
		id, err := engine.ImageID(ctx, ref)
		if err != nil {
			return err
		}
		m.References[ref] = id
	}
	return engine.Save(ctx, path, refs...)
}

// write writes the archive: the manifest, then the files by name.
func (m *manifest) write(path, format string, sources map[string]string) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("create the archive: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	buffered := bufio.NewWriterSize(file, 1<<20)
	packed, err := compressor(format, buffered)
	if err != nil {
		return fmt.Errorf("compress the archive: %w", err)
	}
	w := tar.NewWriter(packed)
	if err := errors.Join(m.writeEntries(w, sources), w.Close(), packed.Close(), buffered.Flush()); err != nil {
		return fmt.Errorf("write the archive: %w", err)
	}
	return nil
}

func (m *manifest) writeEntries(w *tar.Writer, sources map[string]string) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := writeEntry(w, manifestName, int64(len(data)), bytes.NewReader(data)); err != nil {
		return err
	}
	names := make([]string, 0, len(sources))
	for name := range sources {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := writeFileEntry(w, name, sources[name]); err != nil {
			return err
		}
	}
	return nil
}

func writeFileEntry(w *tar.Writer, name, source string) (err error) {
	file, err := os.Open(source)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return writeEntry(w, name, info.Size(), file)
}

func writeEntry(w *tar.Writer, name string, size int64, r io.Reader) error {
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: size}); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if _, err := io.Copy(w, r); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// checksum returns "sha256:" and the hash of a file.
func checksum(path string) (_ string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("checksum: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", fmt.Errorf("checksum of %s: %w", path, err)
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}
