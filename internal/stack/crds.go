package stack

import (
	"context"
	"strings"

	"istio-conformance/internal/istio"
)

// ExpectedCRDs returns the CRDs of the installed base chart, read from the
// release that Helm keeps and not from the cluster's CRDs.
func (s *Stack) ExpectedCRDs(ctx context.Context) ([]istio.CRD, error) {
	base := s.Releases[0]
	release, err := s.Helm.Get(ctx, base.Namespace, base.Name)
	if err != nil {
		return nil, err
	}
	manifests := []string{release.Manifest}
	for _, crd := range release.Chart.CRDObjects() {
		// Charts before 1.24 have them in crds/, which Helm does not render.
		manifests = append(manifests, string(crd.File.Data))
	}
	return istio.ExpectedCRDs(strings.Join(manifests, "\n---\n"))
}
