package kit

import (
	"context"
	"fmt"

	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/stack"
)

// Rendered is what the releases of the installation start, by the manifests that
// Helm keeps of them.
type Rendered struct {
	Workloads []charts.Workload
	// Injection is what istiod's injector adds to pods.
	Injection charts.Injection
}

// RenderedOf reads the releases' manifests. One of them must be istiod's.
func RenderedOf(ctx context.Context, s *stack.Stack) (Rendered, error) {
	var r Rendered
	found := false
	for _, release := range s.Releases {
		kept, err := s.Helm.Get(ctx, release.Namespace, release.Name)
		if err != nil {
			return r, err
		}
		workloads, err := charts.Workloads(release.Namespace, kept.Manifest)
		if err != nil {
			return r, fmt.Errorf("manifest of release %s: %w", release, err)
		}
		r.Workloads = append(r.Workloads, workloads...)
		injection, err := charts.InjectionOf(kept.Manifest)
		if err != nil {
			return r, fmt.Errorf("manifest of release %s: %w", release, err)
		}
		if injection != nil {
			r.Injection, found = *injection, true
		}
	}
	if !found {
		return r, fmt.Errorf("none of the releases %v has an injector", s.Releases)
	}
	return r, nil
}
