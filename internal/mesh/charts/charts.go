// Package charts gets Helm charts, from a repository or from a directory of
// sources, and installs, changes and removes their releases in one cluster. It
// uses Helm as a library: neither the helm program nor the user's Helm
// configuration, cache or kubeconfig is touched.
package charts

import (
	"fmt"
	"io/fs"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"sigs.k8s.io/yaml"
)

// DefaultTimeout is how long a release may take to become ready unless it says
// otherwise; Helm's own default.
const DefaultTimeout = 5 * time.Minute

// Release is one chart as it is to be installed.
type Release struct {
	Name, Namespace string
	// Chart is the path of a packaged chart, or of a chart's directory.
	Chart string
	// Values are laid over the chart's own.
	Values map[string]any
	// Timeout is how long the release may take to become ready; 0 means
	// DefaultTimeout.
	Timeout time.Duration
	// NoWait returns from Install as soon as the API server has the objects.
	NoWait bool
	// ServerSide has an upgrade applied by the API server; without it Helm 4 upgrades a
	// release as its last revision was applied.
	ServerSide bool
	// ForceConflicts takes fields that somebody else owns.
	ForceConflicts bool
}

// String is "<namespace>/<name>".
func (r Release) String() string { return r.Namespace + "/" + r.Name }

// Within is how long the release may take to become ready.
func (r Release) Within() time.Duration {
	if r.Timeout == 0 {
		return DefaultTimeout
	}
	return r.Timeout
}

func (r Release) load() (*chart.Chart, error) {
	loaded, err := loader.Load(r.Chart)
	if err != nil {
		return nil, fmt.Errorf("load chart %s: %w", r.Chart, err)
	}
	return loaded, nil
}

// Values merges layers of values, deeply; where two differ the later layer wins,
// and where one has a table and the other has not, the later one replaces it
// whole. The layers stay as they are.
func Values(layers ...map[string]any) map[string]any {
	merged := map[string]any{}
	for _, layer := range layers {
		for key, value := range layer {
			if table, ok := value.(map[string]any); ok {
				// What is below may be no table; then it is nil here.
				below, _ := merged[key].(map[string]any)
				value = Values(below, table)
			}
			merged[key] = value
		}
	}
	return merged
}

// ReadValues reads a file of values as "helm install --values" does; a key that
// occurs twice is an error.
func ReadValues(files fs.FS, name string) (map[string]any, error) {
	data, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, fmt.Errorf("values: %w", err)
	}
	values := map[string]any{}
	if err := yaml.UnmarshalStrict(data, &values); err != nil {
		return nil, fmt.Errorf("values %s: %w", name, err)
	}
	return values, nil
}
