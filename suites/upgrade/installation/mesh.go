// Package installation changes Istio's releases and the workloads of an upgrade, and says
// whether what is installed then is as it should be.
package installation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"istio-conformance/internal/images"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// Names of what a journey works with.
const (
	baseRelease   = "istio-base"
	IstiodRelease = "istiod"
	// TagName is the revision tag of layout Tagged.
	TagName = "prod"
	// defaultRevision is what istiod calls itself without a revision's name.
	defaultRevision = "default"
	workloadLabel   = "upgrade=workload"
)

// Workloads are the Deployments of fixtures/apps/upgrade.yaml.
var Workloads = []string{"callee", "caller"}

// Mesh is the installation that a journey changes.
type Mesh struct {
	Stack *stack.Stack
	layer string
	// Now is what the last change left.
	Now Versions
	// Spoil breaks a release on purpose before it is installed; nil breaks none.
	Spoil func(chart string, isNew bool, r charts.Release) charts.Release
	// root is the mesh's root certificate when the journey began.
	root string
	// managed says that the gateway under test is one that istiod deploys.
	managed bool
}

// New returns the installation of a stack, with a layer of values.
func New(s *stack.Stack, layer string) *Mesh { return &Mesh{Stack: s, layer: layer} }

// set returns the images and charts of a version.
func (m *Mesh) set(version string) *images.Set {
	if version == m.Stack.Cell.Istio {
		return m.Stack.Images
	}
	return m.Stack.From
}

// valuesLayer is the layer's name as the stack knows it.
func (m *Mesh) valuesLayer() string {
	if m.layer == stack.ChartsValues {
		return ""
	}
	return m.layer
}

// Release returns a chart's release at a version, with values on top.
func (m *Mesh) Release(chart, version string, values map[string]any) (charts.Release, error) {
	planned, err := m.Stack.PlanReleases(m.set(version), m.Stack.Profile(), m.valuesLayer())
	if err != nil {
		return charts.Release{}, err
	}
	names := map[string]string{"base": baseRelease, "istiod": IstiodRelease, "gateway": m.Stack.Gateway.Release}
	i := slices.IndexFunc(planned, func(r charts.Release) bool { return r.Name == names[chart] })
	if i < 0 {
		return charts.Release{}, fmt.Errorf("chart %s is in no release of the installation", chart)
	}
	r := planned[i]
	r.Values = charts.Values(r.Values, values)
	if m.Spoil == nil {
		return r, nil
	}
	return m.Spoil(chart, version == m.Stack.Cell.Istio, r), nil
}

// Canary returns the release of a second control plane.
func (m *Mesh) Canary(version string) (charts.Release, error) {
	r, err := m.Release("istiod", version, map[string]any{"revision": Revision(version)})
	r.Name = IstiodRelease + "-" + Revision(version)
	return r, err
}

// Revision is a version's name as a revision; it may have no dots.
func Revision(version string) string { return strings.ReplaceAll(version, ".", "-") }

// Begin makes the mesh as a journey wants to find it, whatever the one before
// left. No traffic runs meanwhile.
func (m *Mesh) Begin(ctx context.Context, l Layout, version string) error {
	gatewayValues, labels := map[string]any{}, map[string]string{stack.NamespaceLabel: "enabled", stack.RevisionLabel: ""}
	if l == Tagged {
		gatewayValues["revision"] = TagName
		labels = map[string]string{stack.NamespaceLabel: "", stack.RevisionLabel: TagName}
	}
	for _, chart := range []string{"base", "istiod"} {
		if err := m.Apply(ctx, chart, version, nil); err != nil {
			return err
		}
	}
	if err := m.tag(ctx, l, version); err != nil {
		return err
	}
	if err := m.Stack.CreateTestNamespace(ctx); err != nil {
		return err
	}
	if err := m.Label(ctx, labels); err != nil {
		return err
	}
	if err := m.Apply(ctx, "gateway", version, gatewayValues); err != nil {
		return err
	}
	if err := m.deploy(ctx); err != nil {
		return err
	}
	if err := m.refresh(ctx, version); err != nil {
		return err
	}
	if err := m.RemoveCanaries(ctx); err != nil {
		return err
	}
	if l == Managed {
		if err := m.manage(ctx, version); err != nil {
			return err
		}
	}
	m.Now = Versions{Base: version, Gateway: version, Workloads: version, ControlPlanes: []string{version}}
	var err error
	if m.root, err = m.rootCertificate(ctx); err != nil {
		return err
	}
	if _, failures := m.Verify(ctx, m.Now); len(failures) > 0 {
		return fmt.Errorf("%s", strings.Join(failures, "; "))
	}
	return nil
}

// tag makes the revision tag of a layout, or removes it.
func (m *Mesh) tag(ctx context.Context, l Layout, version string) error {
	if l == Tagged {
		return m.PointTag(ctx, IstiodRelease, version, "")
	}
	return m.removeTag(ctx)
}

// Apply makes a release be as it should be.
func (m *Mesh) Apply(ctx context.Context, chart, version string, values map[string]any) error {
	r, err := m.Release(chart, version, values)
	if err != nil {
		return err
	}
	_, err = m.Stack.Helm.Apply(ctx, r)
	return err
}

// Upgrade is helm upgrade of a release to a version.
func (m *Mesh) Upgrade(ctx context.Context, chart, version string, values map[string]any) error {
	r, err := m.Release(chart, version, values)
	if err != nil {
		return err
	}
	_, err = m.Stack.Helm.Upgrade(ctx, r)
	return err
}

// Rollback is helm rollback of a release to its last revision at a version. One
// whose injector was pinned to another version's proxies does not count.
func (m *Mesh) Rollback(ctx context.Context, chart, version string) error {
	r, err := m.Release(chart, version, nil)
	if err != nil {
		return err
	}
	history, err := m.Stack.Helm.History(ctx, r.Namespace, r.Name)
	if err != nil {
		return err
	}
	for _, h := range slices.Backward(history) {
		if h.Chart.Metadata.Version == version {
			if h.Version == 1 && chart != "gateway" && m.Stack.Helm4() {
				// Helm 4 refuses it: docs/helm.md says why, and to do this instead.
				return m.Upgrade(ctx, chart, version, nil)
			}
			return m.Stack.Helm.Rollback(ctx, r.Namespace, r.Name, h.Version, r.Timeout)
		}
	}
	return fmt.Errorf("roll back release %s: none of its %d revisions is of version %s", r, len(history), version)
}

// PinProxies makes an istiod inject the proxies of another version.
func (m *Mesh) PinProxies(ctx context.Context, istiod, proxies string) error {
	set := m.set(proxies)
	image := set.Hub + "/proxyv2:" + set.Tag
	err := m.Upgrade(ctx, "istiod", istiod, map[string]any{"global": map[string]any{
		"proxy": map[string]any{"image": image}, "proxy_init": map[string]any{"image": image},
	}})
	if err != nil {
		return err
	}
	// istiod reads its injector's ConfigMap again some time after it changed.
	return kit.Until(ctx, RolloutTimeout, func(ctx context.Context) error { return m.injects(ctx, proxies) })
}

// Previous is helm rollback to the revision before the last.
func (m *Mesh) Previous(ctx context.Context, chart, version string) error {
	r, err := m.Release(chart, version, nil)
	if err != nil {
		return err
	}
	return m.Stack.Helm.Rollback(ctx, r.Namespace, r.Name, 0, r.Timeout)
}

// RemoveCanaries uninstalls every control plane but the one without a revision.
func (m *Mesh) RemoveCanaries(ctx context.Context) error {
	for _, version := range []string{m.Stack.Cell.Istio, m.Stack.FromCell.Istio} {
		r, err := m.Canary(version)
		if err != nil {
			return err
		}
		if err := m.Stack.Helm.Uninstall(ctx, r.Namespace, r.Name, r.Timeout); err != nil {
			return err
		}
	}
	return nil
}
