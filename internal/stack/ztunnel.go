package stack

import (
	"context"
	"io"
	"os"

	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// noZtunnel says what to do where a source has no image of ztunnel.
const noZtunnel = "ztunnel is no Go program and is not built here: name a file with an image of it, ZTUNNEL=<what docker save wrote>, or use IMAGES=release, or an archive that holds it"

// ztunnelImage is an image of ztunnel that the user brings.
type ztunnelImage struct{ reference, id string }

// loadZtunnel loads the user's image of ztunnel into the engine, if there is one.
func (b *Builder) loadZtunnel(ctx context.Context, logf progress.Logf) error {
	path, reference := b.config.Ztunnel, b.ztunnel.reference
	if path == "" {
		return nil
	}
	if err := b.Engine.Load(ctx, path); err != nil {
		return exitcode.Environmentf("ZTUNNEL=%s: %w", path, err)
	}
	id, err := b.Engine.ImageID(ctx, reference)
	if err != nil {
		return exitcode.Environmentf("ZTUNNEL=%s: %w", path, err)
	}
	b.ztunnel.id = id
	logf("ztunnel is the image %s of %s", reference, path)
	return nil
}

// savedImage returns the name of the one image in a file that "docker save" wrote;
// no file is no name.
func savedImage(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(path) })
	if err != nil {
		return "", exitcode.Usagef("ZTUNNEL=%s: this is no file that docker save wrote: %w", path, err)
	}
	if len(manifest) != 1 || len(manifest[0].RepoTags) != 1 {
		return "", exitcode.Usagef("ZTUNNEL=%s: want one image with one name, as docker save docker.io/istio/ztunnel:<tag> writes it", path)
	}
	return manifest[0].RepoTags[0], nil
}
