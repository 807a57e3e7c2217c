package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"sigs.k8s.io/kind/pkg/cluster/nodes"
	"sigs.k8s.io/kind/pkg/cluster/nodeutils"
	"sigs.k8s.io/kind/pkg/exec"

	"istio-conformance/internal/process/progress"
)

// image is one image that the nodes must have.
type image struct {
	reference string // as a node lists it, docker.io/library/... in full
	id        string // digest of its configuration, sha256:...
}

// batch is an archive and the images in it.
type batch struct {
	archive string
	images  []image
}

// LoadImages brings images into all nodes at once. A source is the path of an
// archive as `docker save` writes it, or the reference of an image in the
// engine. A node that has an image already, by name and id, is left alone.
func (c *Cluster) LoadImages(ctx context.Context, sources ...string) (failed error) {
	if len(sources) == 0 {
		return nil
	}
	if !c.Owned() {
		return fmt.Errorf("load images: the nodes of an existing cluster (%s) cannot be entered", c.Name)
	}
	batches, wanted, err := c.sortSources(ctx, sources)
	if err != nil {
		return fmt.Errorf("load images: %w", err)
	}
	present, err := c.imagesOfNodes(ctx)
	if err != nil {
		return err
	}
	wanted = slices.DeleteFunc(wanted, func(img image) bool { return !c.missingAnywhere(present, img) })
	if len(wanted) > 0 {
		dir, err := os.MkdirTemp("", "istio-conformance-images-")
		if err != nil {
			return fmt.Errorf("load images: %w", err)
		}
		defer func() { failed = errors.Join(failed, os.RemoveAll(dir)) }()
		// One archive for all: layers that they share are imported once.
		saved := batch{filepath.Join(dir, "images.tar"), wanted}
		if err := c.saveImages(ctx, saved); err != nil {
			return err
		}
		batches = append(batches, saved)
	}
	return c.importBatches(ctx, batches, present)
}

// sortSources reads what the archives among the sources hold, and looks up the
// others in the engine.
func (c *Cluster) sortSources(ctx context.Context, sources []string) (archives []batch, inEngine []image, err error) {
	for _, source := range sources {
		if info, err := os.Stat(source); err == nil && info.Mode().IsRegular() {
			images, err := archiveImages(source)
			if err != nil {
				return nil, nil, err
			}
			archives = append(archives, batch{source, images})
			continue
		}
		id, err := c.engine.ImageID(ctx, source)
		if err != nil {
			return nil, nil, err
		}
		inEngine = append(inEngine, image{canonical(source), id})
	}
	return archives, inEngine, nil
}

func (c *Cluster) saveImages(ctx context.Context, b batch) error {
	refs := make([]string, 0, len(b.images))
	for _, img := range b.images {
		refs = append(refs, img.reference)
	}
	if err := c.engine.Save(ctx, b.archive, refs...); err != nil {
		return fmt.Errorf("load images: %w", err)
	}
	return nil
}

func (c *Cluster) importBatches(ctx context.Context, batches []batch, present map[string][]image) error {
	provider, err := onEngine(c.engine, progress.Discard)
	if err != nil {
		return fmt.Errorf("load images: %w", err)
	}
	handles, err := provider.ListNodes(c.Name)
	if err != nil {
		return fmt.Errorf("load images: %w", err)
	}
	return onEach(handles, func(node nodes.Node) error {
		for _, b := range batches {
			if hasAll(present[node.String()], b.images) {
				continue
			}
			if err := importArchive(ctx, node, b.archive); err != nil {
				return fmt.Errorf("load images: node %s: %s: %w%s", node, filepath.Base(b.archive), err, lastWords(err))
			}
		}
		return nil
	})
}

func importArchive(ctx context.Context, node nodes.Node, archive string) (err error) {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return nodeutils.LoadImageArchive(stoppable{node, ctx}, file)
}

// stoppable is a node whose commands end with a context; kind's helpers start
// theirs without one.
type stoppable struct {
	nodes.Node
	ctx context.Context
}

func (s stoppable) Command(command string, args ...string) exec.Cmd {
	return s.CommandContext(s.ctx, command, args...)
}

// imagesOfNodes returns the images of each node, by the node's name.
func (c *Cluster) imagesOfNodes(ctx context.Context) (map[string][]image, error) {
	present := make(map[string][]image, len(c.nodes))
	for i := range c.nodes {
		out, err := c.execArgs(ctx, c.nodes[i].Name, "ctr", "--namespace", "k8s.io", "images", "list")
		if err != nil {
			return nil, fmt.Errorf("load images: %w", err)
		}
		present[c.nodes[i].Name] = parseImages(out)
	}
	return present, nil
}

// parseImages reads the output of `ctr images list`: a header, then one line an
// image with its name, type and digest. Beside the names of an image, the
// kubelet's runtime keeps its id as one more name of the same digest.
func parseImages(list string) []image {
	type row struct{ name, digest string }
	var rows []row
	ids := map[string]string{}
	for line := range strings.Lines(list) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		name, digest := fields[0], fields[2]
		if strings.HasPrefix(name, "sha256:") {
			ids[digest] = name
		} else {
			rows = append(rows, row{name, digest})
		}
	}
	images := make([]image, 0, len(rows))
	for _, r := range rows {
		images = append(images, image{r.name, ids[r.digest]})
	}
	return images
}

func (c *Cluster) missingAnywhere(present map[string][]image, img image) bool {
	return slices.ContainsFunc(c.nodes, func(n container) bool { return !slices.Contains(present[n.Name], img) })
}

func hasAll(have, want []image) bool {
	return !slices.ContainsFunc(want, func(w image) bool { return !slices.Contains(have, w) })
}

// archiveImages reads from an archive which images it holds.
func archiveImages(archive string) ([]image, error) {
	manifest, err := tarball.LoadManifest(tarball.Opener(func() (io.ReadCloser, error) { return os.Open(archive) }))
	if err != nil {
		return nil, fmt.Errorf("%s is no image archive: %w", archive, err)
	}
	var images []image
	for _, entry := range manifest {
		// The file's name is the digest: blobs/sha256/<hex> or <hex>.json.
		id := "sha256:" + strings.TrimPrefix(strings.TrimSuffix(path.Base(entry.Config), ".json"), "sha256:")
		for _, tag := range entry.RepoTags {
			images = append(images, image{canonical(tag), id})
		}
	}
	if len(images) == 0 {
		return nil, fmt.Errorf("%s names no image", archive)
	}
	return images, nil
}

// canonical writes a reference out in full, as containerd lists it.
func canonical(reference string) string {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return reference // the engine's own error will name it
	}
	return strings.Replace(ref.Name(), "index.docker.io/", "docker.io/", 1)
}

// NameImages makes all nodes know images that they have by more names: it maps
// the new name to the one that is there.
func (c *Cluster) NameImages(ctx context.Context, names map[string]string) error {
	for i := range c.nodes {
		for name, existing := range names {
			_, err := c.execArgs(ctx, c.nodes[i].Name, "ctr", "--namespace", "k8s.io", "images", "tag", "--force", canonical(existing), canonical(name))
			if err != nil {
				return fmt.Errorf("name the image %s %s too: %w", existing, name, err)
			}
		}
	}
	return nil
}
