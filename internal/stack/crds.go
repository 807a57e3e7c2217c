package stack

import (
	"context"

	"istio-conformance/internal/charts"
	"istio-conformance/internal/istio"
)

// ExpectedCRDs returns the CRDs of the installed base chart, read from what Helm
// rendered and not from what the cluster has.
func (s *Stack) ExpectedCRDs(ctx context.Context) ([]istio.CRD, error) {
	base := s.Releases[0]
	manifest, err := charts.Render(ctx, base, s.Cell.Kubernetes)
	if err != nil {
		return nil, err
	}
	return istio.ExpectedCRDs(manifest)
}
