package archive

import (
	"context"

	"istio-conformance/internal/images"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
)

// PrepareIstio is Prepare for an archive whose images are loaded into the nodes,
// as one of official images is. One of images that were built here has them
// inside its node image, from where they cannot be taken.
func (s *Source) PrepareIstio(ctx context.Context, cell istio.Pair) (*images.Set, error) {
	set, err := s.Prepare(ctx, cell)
	if err != nil {
		return nil, err
	}
	if len(set.Load) == 0 {
		return nil, exitcode.Usagef("the archive %s keeps Istio's images inside its node image, so that no other node can get them; save one with IMAGES=release", s.path)
	}
	return set, nil
}
