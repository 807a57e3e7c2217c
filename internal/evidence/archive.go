package evidence

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing/fstest"
	"time"
)

// Pack writes a folder of evidence as a tar.gz whose entries lie in one folder
// named after the archive, each of the given time. It replaces an archive only when it
// is whole.
func Pack(dir, archive string, at time.Time) (err error) {
	file, err := os.CreateTemp(filepath.Dir(archive), ".bundle-*")
	if err != nil {
		return fmt.Errorf("bundle %s: %w", archive, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("bundle %s: %w", archive, err), os.Remove(file.Name()))
		}
	}()
	if err := pack(dir, strings.TrimSuffix(filepath.Base(archive), ".tar.gz"), at, file); err != nil {
		return errors.Join(err, file.Close())
	}
	if err := errors.Join(file.Chmod(0o644), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), archive)
}

func pack(dir, folder string, at time.Time, out io.Writer) error {
	compressed := gzip.NewWriter(out)
	archive := tar.NewWriter(compressed)
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		header := &tar.Header{Name: path.Join(folder, name), Mode: 0o644, Size: int64(len(content)), ModTime: at, Typeflag: tar.TypeReg}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		_, err = archive.Write(content)
		return err
	})
	return errors.Join(err, archive.Close(), compressed.Close())
}

// Open returns the files of a folder of evidence, or of a bundle that Pack wrote.
// Files of the bundle beyond the bounds of a folder are refused.
func Open(name string) (fs.FS, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return os.DirFS(name), nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	files, err := unpack(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("bundle %s: %w", name, err)
	}
	return files, nil
}

func unpack(in io.Reader) (fstest.MapFS, error) {
	compressed, err := gzip.NewReader(in)
	if err != nil {
		return nil, err
	}
	archive := tar.NewReader(io.LimitReader(compressed, 2*totalLimit))
	files := fstest.MapFS{}
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		_, name, below := strings.Cut(path.Clean(header.Name), "/")
		if header.Typeflag != tar.TypeReg || !below || !fs.ValidPath(name) {
			continue
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			return nil, err
		}
		files[name] = &fstest.MapFile{Data: content, Mode: 0o644}
	}
}
