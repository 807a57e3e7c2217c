package oci

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"time"
)

// Rewrite writes a layer to path that holds what is in the tar file base,
// without the entries that drop names and without what lies below those, and
// with the tree laid over it.
func Rewrite(base, layerPath string, drop func(name string) bool, over *Tree) (*Layer, error) {
	return writeLayer(layerPath, func(w *tar.Writer) (err error) {
		file, err := os.Open(base)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		seen, err := copyEntries(w, tar.NewReader(file), func(name string) bool {
			e, replaced := over.entries[name]
			return replaced && !e.implied || drops(drop, name)
		})
		if err != nil {
			return err
		}
		return over.write(w, seen)
	})
}

// drops reports whether name, or a directory that it lies in, is to go.
func drops(drop func(string) bool, name string) bool {
	for ; name != "."; name = path.Dir(name) {
		if drop(name) {
			return true
		}
	}
	return false
}

// copyEntries copies a tar stream with fixed times and reports which names are
// in the copy. A hard link whose target goes cannot be kept and is an error.
func copyEntries(w *tar.Writer, r *tar.Reader, skip func(name string) bool) (map[string]bool, error) {
	seen := map[string]bool{}
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return seen, nil
		}
		if err != nil {
			return nil, err
		}
		name := clean(header.Name)
		if name == "" || skip(name) {
			continue
		}
		if header.Typeflag == tar.TypeLink {
			header.Linkname = clean(header.Linkname)
			if !seen[header.Linkname] {
				return nil, fmt.Errorf("%s is a hard link to %s, which is left out", name, header.Linkname)
			}
		}
		seen[name] = true
		header.Name = name
		if header.Typeflag == tar.TypeDir {
			header.Name += "/"
		}
		header.ModTime, header.AccessTime, header.ChangeTime = epoch, time.Time{}, time.Time{}
		header.Uname, header.Gname = "", ""
		if err := w.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("copy %s: %w", name, err)
		}
		if _, err := io.Copy(w, r); err != nil {
			return nil, fmt.Errorf("copy %s: %w", name, err)
		}
	}
}
