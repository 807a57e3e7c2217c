// Package oci assembles container images from files without a container
// engine. Layers are plain tar files, not compressed: they are written and
// read on one machine, where gzip costs more than the bytes it saves. The same
// content always gives the same layer: entries are sorted, owned by root and
// carry one fixed time.
package oci

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// epoch is the time stamp of all that is written.
var epoch = time.Unix(0, 0).UTC()

// Tree collects the files of a layer. Paths are relative to the root of the
// file system, without a leading slash. Missing parents are added as
// directories of mode 0755; so a path must not lead through a symbolic link of
// a lower layer. The zero value is an empty tree.
type Tree struct {
	entries map[string]entry
}

// entry is one file: a header and where its content comes from.
type entry struct {
	header tar.Header
	data   []byte
	source string
	// implied marks a directory that is there only as a parent.
	implied bool
}

// Dir adds a directory.
func (t *Tree) Dir(name string, mode fs.FileMode) {
	t.add(name, entry{header: tar.Header{Typeflag: tar.TypeDir, Mode: tarMode(mode)}})
}

// Bytes adds a file that holds data.
func (t *Tree) Bytes(name string, mode fs.FileMode, data []byte) {
	t.add(name, entry{header: tar.Header{Typeflag: tar.TypeReg, Mode: tarMode(mode), Size: int64(len(data))}, data: data})
}

// File adds a copy of the file source of this machine, read when the layer is
// written.
func (t *Tree) File(name string, mode fs.FileMode, source string) error {
	info, err := os.Stat(source)
	if err != nil {
		return fmt.Errorf("add %s to an image: %w", name, err)
	}
	t.add(name, entry{header: tar.Header{Typeflag: tar.TypeReg, Mode: tarMode(mode), Size: info.Size()}, source: source})
	return nil
}

// Program adds a copy of the program source of this machine. Where source is a
// symbolic link to a program beside it, that program is added beside name, and a
// link to it as name: a program that does what its name says is copied once.
func (t *Tree) Program(name, source string) error {
	target, err := os.Readlink(source)
	if err != nil {
		return t.File(name, 0o755, source)
	}
	if target != filepath.Base(target) {
		return fmt.Errorf("add %s to an image: %s leads to %s, which is not beside it", name, source, target)
	}
	t.Link(name, target)
	return t.File(path.Join(path.Dir(name), target), 0o755, filepath.Join(filepath.Dir(source), target))
}

// Link adds a symbolic link.
func (t *Tree) Link(name, target string) {
	t.add(name, entry{header: tar.Header{Typeflag: tar.TypeSymlink, Mode: 0o777, Linkname: target}})
}

// Directory adds the files below the directory source of this machine at name;
// mode gives the permissions of a file by its path below source.
func (t *Tree) Directory(name, source string, mode func(rel string) fs.FileMode) error {
	return filepath.WalkDir(source, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(source, file)
		if err != nil {
			return err
		}
		return t.File(path.Join(name, filepath.ToSlash(rel)), mode(rel), file)
	})
}

func (t *Tree) add(name string, e entry) {
	if t.entries == nil {
		t.entries = map[string]entry{}
	}
	name = clean(name)
	e.header.Name = name
	if e.header.Typeflag == tar.TypeDir {
		e.header.Name += "/"
	}
	t.entries[name] = e
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, there := t.entries[dir]; there {
			continue
		}
		header := tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755}
		t.entries[dir] = entry{header: header, implied: true}
	}
}

// names returns the paths, sorted, so that a parent comes before its children.
func (t *Tree) names() []string {
	names := make([]string, 0, len(t.entries))
	for name := range t.entries {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// write puts the entries into a tar stream, except the implied directories
// that skip already holds.
func (t *Tree) write(w *tar.Writer, skip map[string]bool) error {
	for _, name := range t.names() {
		e := t.entries[name]
		if e.implied && skip[name] {
			continue
		}
		if err := e.write(w); err != nil {
			return fmt.Errorf("write %s to a layer: %w", name, err)
		}
	}
	return nil
}

func (e *entry) write(w *tar.Writer) (err error) {
	header := e.header
	header.ModTime = epoch
	if err := w.WriteHeader(&header); err != nil {
		return err
	}
	if e.source == "" {
		_, err = io.Copy(w, bytes.NewReader(e.data))
		return err
	}
	file, err := os.Open(e.source)
	if err != nil {
		return err
	}
	defer func() {
		if closed := file.Close(); err == nil {
			err = closed
		}
	}()
	_, err = io.Copy(w, file)
	return err
}

// clean turns "./usr/bin/", "/usr/bin" and "usr/bin" into "usr/bin".
func clean(name string) string {
	return strings.TrimPrefix(path.Clean("/"+name), "/")
}

// tarMode translates the sticky bit, which fs.FileMode and tar place apart.
func tarMode(mode fs.FileMode) int64 {
	bits := int64(mode.Perm())
	if mode&fs.ModeSticky != 0 {
		bits |= 0o1000
	}
	return bits
}
