package kit

import (
	"context"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

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
	if s.WhyNoRecord("istiod") != "" {
		live, err := liveInjection(ctx, s)
		r.Injection = live
		return r, err
	}
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

// liveInjection reads what istiod injects by, where no release says what it should.
func liveInjection(ctx context.Context, s *stack.Stack) (charts.Injection, error) {
	maps, err := s.Cluster.Kube.CoreV1().ConfigMaps(stack.SystemNamespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return charts.Injection{}, fmt.Errorf("list ConfigMaps of namespace %s: %w", stack.SystemNamespace, err)
	}
	var documents []string
	for i := range maps.Items {
		if m := &maps.Items[i]; m.Name == s.Revised("istio") || m.Name == s.Revised("istio-sidecar-injector") {
			m.APIVersion, m.Kind = "v1", "ConfigMap"
			document, err := yaml.Marshal(m)
			if err != nil {
				return charts.Injection{}, fmt.Errorf("ConfigMap %s: %w", m.Name, err)
			}
			documents = append(documents, string(document))
		}
	}
	found, err := charts.InjectionOf(strings.Join(documents, "\n---\n"))
	if err == nil && found == nil {
		err = fmt.Errorf("namespace %s has no ConfigMap %s", stack.SystemNamespace, s.Revised("istio-sidecar-injector"))
	}
	if err != nil {
		return charts.Injection{}, err
	}
	return *found, nil
}
