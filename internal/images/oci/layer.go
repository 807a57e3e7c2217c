package oci

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// digestSuffix names the file beside a layer that holds its digest, so that a
// layer of many hundred megabytes is hashed once, while it is written.
const digestSuffix = ".sha256"

// Layer is an uncompressed layer in a tar file. It implements v1.Layer.
type Layer struct {
	path   string
	digest v1.Hash
	size   int64
}

// Digest returns the digest of the tar file.
func (l *Layer) Digest() (v1.Hash, error) { return l.digest, nil }

// DiffID is the digest too: nothing is compressed.
func (l *Layer) DiffID() (v1.Hash, error) { return l.digest, nil }

// Compressed opens the tar file.
func (l *Layer) Compressed() (io.ReadCloser, error) { return os.Open(l.path) }

// Uncompressed opens the tar file.
func (l *Layer) Uncompressed() (io.ReadCloser, error) { return os.Open(l.path) }

// Size returns the size of the tar file in bytes.
func (l *Layer) Size() (int64, error) { return l.size, nil }

// MediaType says that the layer is not compressed.
func (l *Layer) MediaType() (types.MediaType, error) { return types.DockerUncompressedLayer, nil }

// Layer writes the tree to a tar file at path, with its digest beside it.
func (t *Tree) Layer(path string) (*Layer, error) {
	return writeLayer(path, func(w *tar.Writer) error { return t.write(w, nil) })
}

// OpenLayer returns the layer that was written to path before.
func OpenLayer(path string) (*Layer, error) {
	text, err := os.ReadFile(path + digestSuffix)
	if err != nil {
		return nil, fmt.Errorf("open a layer: %w", err)
	}
	digest, err := v1.NewHash(string(bytes.TrimSpace(text)))
	if err != nil {
		return nil, fmt.Errorf("open the layer %s: %w", path, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open a layer: %w", err)
	}
	return &Layer{path: path, digest: digest, size: info.Size()}, nil
}

// LinkLayer makes the layer at from available at to, on the same file system,
// without a copy.
func LinkLayer(from, to string) error {
	for _, suffix := range []string{"", digestSuffix} {
		if err := os.Link(from+suffix, to+suffix); err != nil {
			return fmt.Errorf("link a layer: %w", err)
		}
	}
	return nil
}

// writeLayer creates the tar file that fill writes, and the digest beside it.
func writeLayer(path string, fill func(*tar.Writer) error) (_ *Layer, err error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("create a layer: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	hash := sha256.New()
	buffered := bufio.NewWriterSize(io.MultiWriter(file, hash), 1<<20)
	w := tar.NewWriter(buffered)
	if err := errors.Join(fill(w), w.Close(), buffered.Flush()); err != nil {
		return nil, fmt.Errorf("write the layer %s: %w", path, err)
	}
	digest := v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(hash.Sum(nil))}
	if err := os.WriteFile(path+digestSuffix, []byte(digest.String()+"\n"), 0o644); err != nil {
		return nil, fmt.Errorf("write the digest of a layer: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("measure the layer %s: %w", path, err)
	}
	return &Layer{path: path, digest: digest, size: info.Size()}, nil
}
