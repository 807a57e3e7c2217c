// Package backend builds the image of the service behind the gateway in the
// tests, whose program is the Go module images/backend.
package backend

import (
	"context"
	"io/fs"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"istio-conformance/internal/images/oci"
	"istio-conformance/internal/process/artifact"
	"istio-conformance/internal/process/gobuild"
)

// Hub is where the project's own images seem to come from. Nothing listens
// there: an image that was not loaded fails to be pulled at once.
const Hub = "localhost/istio-conformance"

// layout is part of the key: raise it when the image changes otherwise than by
// its program.
const layout = "1"

// user is who the program runs as.
const user = "65532:65532"

// binary is the program's name: the last part of its module's path.
const binary = "backend"

// Backend is the program to build.
type Backend struct {
	module *gobuild.Module
	id     artifact.ID
}

// New returns the backend of the checkout root, compiled by toolchain.
func New(root, toolchain string) (*Backend, error) {
	module := &gobuild.Module{Dir: filepath.Join(root, "images", binary), Packages: []string{"."}}
	key, err := module.Key(toolchain)
	if err != nil {
		return nil, err
	}
	return &Backend{module: module, id: artifact.ID{Name: "backend", Key: artifact.Key(layout, key)}}, nil
}

// Key identifies the image's content.
func (b *Backend) Key() string { return b.id.Key }

// Reference is the name of the image; its tag is the key.
func (b *Backend) Reference() string { return Hub + "/backend:" + b.id.Key }

// Program returns what the image is made from, and how the store names it.
func (b *Backend) Program() (artifact.ID, *gobuild.Module) { return b.id, b.module }

// Image returns the image, with its layer in a file at layerPath.
func (b *Backend) Image(ctx context.Context, store *artifact.Store, layerPath string) (v1.Image, error) {
	dir, err := b.dir(ctx, store)
	if err != nil {
		return nil, err
	}
	var tree oci.Tree
	tree.Dir("tmp", fs.ModeSticky|0o777)
	if err := tree.File(binary, 0o755, filepath.Join(dir, binary)); err != nil {
		return nil, err
	}
	layer, err := tree.Layer(layerPath)
	if err != nil {
		return nil, err
	}
	return oci.Image(v1.Config{Entrypoint: []string{"/" + binary}, User: user}, layer)
}

func (b *Backend) dir(ctx context.Context, store *artifact.Store) (string, error) {
	return store.Ensure(ctx, b.id, func(ctx context.Context, dir string) error {
		return b.module.Build(ctx, dir, nil)
	})
}
