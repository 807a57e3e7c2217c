package modules

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"istio-conformance/internal/images/oci"
	"istio-conformance/internal/process/command"
)

// containerdRoot is where containerd keeps its state in a node.
const containerdRoot = "var/lib/containerd"

// The two directories of containerd's state that hold images: the blobs and
// the database that names them.
const (
	blobDir  = "io.containerd.content.v1.content/blobs/sha256"
	database = "io.containerd.metadata.v1.bolt/meta.db"
)

// writeContent writes a layer in which containerd finds the images of the
// archive. With lower, the path of such a layer below it, the new one holds
// only what it adds to that. containerd itself makes the content: the one of
// the image, run here with a state directory of its own.
func (b *build) writeContent(ctx context.Context, archive oci.Archive, lower, layerPath string) (err error) {
	bin, err := b.dir(ctx, b.plan.containerd)
	if err != nil {
		return err
	}
	root, err := os.MkdirTemp(filepath.Dir(layerPath), "containerd-")
	if err != nil {
		return fmt.Errorf("make room for containerd: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(root)) }()
	if lower != "" {
		if err := extract(lower, containerdRoot, root); err != nil {
			return err
		}
	}
	below, err := blobs(root)
	if err != nil {
		return err
	}
	daemon, err := startContainerd(ctx, bin, root)
	if err != nil {
		return err
	}
	if err := errors.Join(importArchive(ctx, bin, daemon.address, archive), daemon.stop()); err != nil {
		return err
	}
	return writeState(root, below, layerPath)
}

// importArchive streams the archive into containerd. Blobs stay as they are,
// nothing is unpacked, and the label keeps the kubelet from removing the images.
func importArchive(ctx context.Context, bin, address string, archive oci.Archive) error {
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := archive.Write(w)
		w.CloseWithError(err)
		written <- err
	}()
	load := command.Command{
		Args: []string{
			filepath.Join(bin, "ctr"), "--address", address, "--namespace", "k8s.io", "images", "import", "--local",
			"--all-platforms", "--no-unpack", "--label", "io.cri-containerd.pinned=pinned", "-",
		},
		Stdin: r,
	}
	_, err := load.Output(ctx)
	// Whatever ctr left unread, the writer must not wait for it.
	r.CloseWithError(io.ErrClosedPipe)
	if writeErr := <-written; writeErr != nil && !errors.Is(writeErr, io.ErrClosedPipe) {
		err = errors.Join(writeErr, err)
	}
	if err != nil {
		return fmt.Errorf("import images into containerd: %w", err)
	}
	return nil
}

// writeState writes the layer with containerd's database and all blobs that
// are not in below.
func writeState(root string, below map[string]bool, layerPath string) error {
	all, err := blobs(root)
	if err != nil {
		return err
	}
	var tree oci.Tree
	for name := range all {
		if below[name] {
			continue
		}
		file := filepath.Join(blobDir, name)
		if err := tree.File(filepath.Join(containerdRoot, file), 0o444, filepath.Join(root, file)); err != nil {
			return err
		}
	}
	if err := tree.File(filepath.Join(containerdRoot, database), 0o644, filepath.Join(root, database)); err != nil {
		return err
	}
	_, err = tree.Layer(layerPath)
	return err
}

// blobs lists the blobs in a state directory of containerd.
func blobs(root string) (map[string]bool, error) {
	entries, err := os.ReadDir(filepath.Join(root, blobDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list containerd's blobs: %w", err)
	}
	names := map[string]bool{}
	for _, e := range entries {
		names[e.Name()] = true
	}
	return names, nil
}

// extract copies the files that a layer holds below prefix into the directory to.
func extract(layer, prefix, to string) (err error) {
	file, err := os.Open(layer)
	if err != nil {
		return fmt.Errorf("extract a layer: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	r := tar.NewReader(file)
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("extract the layer %s: %w", layer, err)
		}
		rel, err := filepath.Rel(prefix, header.Name)
		if err != nil || header.Typeflag != tar.TypeReg || !filepath.IsLocal(rel) {
			continue
		}
		if err := writeFile(filepath.Join(to, rel), r); err != nil {
			return fmt.Errorf("extract %s: %w", header.Name, err)
		}
	}
}

// writeFile creates a file, and its parents, from what r yields.
func writeFile(path string, r io.Reader) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	_, err = io.Copy(file, r)
	return err
}
