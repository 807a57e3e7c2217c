package stack

import (
	"context"
	"slices"
	"strings"

	"istio-conformance/internal/mesh/istio"
)

// ExpectedCRDs returns the CRDs of the installed base chart, read from the
// release that Helm keeps and not from the cluster's CRDs.
func (s *Stack) ExpectedCRDs(ctx context.Context) ([]istio.CRD, error) {
	base := s.Releases[0]
	release, err := s.Helm.Get(ctx, base.Namespace, base.Name)
	if err != nil {
		return nil, err
	}
	templated, err := istio.ExpectedCRDs(release.Manifest)
	if err != nil {
		return nil, err
	}
	for i := range templated {
		templated[i].Templated = true
	}
	// Charts before 1.24 have them in crds/, which Helm does not render.
	var files []string
	for _, crd := range release.Chart.CRDObjects() {
		files = append(files, string(crd.File.Data))
	}
	static, err := istio.ExpectedCRDs(strings.Join(files, "\n---\n"))
	return slices.Concat(templated, static), err
}
