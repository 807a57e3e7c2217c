package upgrade

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/images"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// Names of what a journey works with.
const (
	baseRelease   = "istio-base"
	istiodRelease = "istiod"
	// tagName is the revision tag of layout tagged.
	tagName = "prod"
	// defaultRevision is what istiod calls itself without a revision's name.
	defaultRevision = "default"
	revisionLabel   = "istio.io/rev"
	injectionLabel  = "istio-injection"
	workloadLabel   = "upgrade=workload"
)

// workloads are the Deployments of fixtures/apps/upgrade.yaml.
var workloads = []string{"callee", "caller"}

// mesh is the installation that a journey changes.
type mesh struct {
	stack *stack.Stack
	layer string
	// now is what the last change left.
	now versions
	// spoiled is what is broken on purpose; nil is nothing.
	spoiled *spoiled
	// root is the mesh's root certificate when the journey began.
	root string
}

func newMesh(s *stack.Stack, layer string) *mesh { return &mesh{stack: s, layer: layer} }

// set returns the images and charts of a version.
func (m *mesh) set(version string) *images.Set {
	if version == m.stack.Cell.Istio {
		return m.stack.Images
	}
	return m.stack.From
}

// valuesLayer is the layer's name as the stack knows it.
func (m *mesh) valuesLayer() string {
	if m.layer == stack.ChartsValues {
		return ""
	}
	return m.layer
}

// release returns a chart's release at a version, with values on top.
func (m *mesh) release(chart, version string, values map[string]any) (charts.Release, error) {
	planned, err := m.stack.PlanReleases(m.set(version), m.stack.Config.Profile, m.valuesLayer())
	if err != nil {
		return charts.Release{}, err
	}
	names := map[string]string{"base": baseRelease, "istiod": istiodRelease, "gateway": m.stack.Gateway.Release}
	i := slices.IndexFunc(planned, func(r charts.Release) bool { return r.Name == names[chart] })
	if i < 0 {
		return charts.Release{}, fmt.Errorf("chart %s is in no release of the installation", chart)
	}
	r := planned[i]
	r.Values = charts.Values(r.Values, values)
	return m.spoiled.apply(chart, version == m.stack.Cell.Istio, r), nil
}

// canary returns the release of a second control plane.
func (m *mesh) canary(version string) (charts.Release, error) {
	r, err := m.release("istiod", version, map[string]any{"revision": revision(version)})
	r.Name = istiodRelease + "-" + revision(version)
	return r, err
}

// revision is a version's name as a revision; it may have no dots.
func revision(version string) string { return strings.ReplaceAll(version, ".", "-") }

// begin makes the mesh as a journey wants to find it, whatever the one before
// left. No traffic runs meanwhile.
func (m *mesh) begin(ctx context.Context, l layout, version string) error {
	gatewayValues, labels := map[string]any{}, map[string]string{injectionLabel: "enabled", revisionLabel: ""}
	if l == tagged {
		gatewayValues["revision"] = tagName
		labels = map[string]string{injectionLabel: "", revisionLabel: tagName}
	}
	for _, chart := range []string{"base", "istiod"} {
		if err := m.apply(ctx, chart, version, nil); err != nil {
			return err
		}
	}
	if err := m.tag(ctx, l, version); err != nil {
		return err
	}
	if err := m.stack.CreateTestNamespace(ctx); err != nil {
		return err
	}
	if err := m.label(ctx, labels); err != nil {
		return err
	}
	if err := m.apply(ctx, "gateway", version, gatewayValues); err != nil {
		return err
	}
	if err := m.deploy(ctx); err != nil {
		return err
	}
	if err := m.refresh(ctx, version); err != nil {
		return err
	}
	if err := m.removeCanaries(ctx); err != nil {
		return err
	}
	m.now = versions{base: version, gateway: version, workloads: version, controlPlanes: []string{version}}
	var err error
	if m.root, err = m.rootCertificate(ctx); err != nil {
		return err
	}
	if _, failures := m.verify(ctx, m.now); len(failures) > 0 {
		return fmt.Errorf("%s", strings.Join(failures, "; "))
	}
	return nil
}

// tag makes the revision tag of a layout, or removes it.
func (m *mesh) tag(ctx context.Context, l layout, version string) error {
	if l == tagged {
		return m.pointTag(ctx, istiodRelease, version, "")
	}
	return m.removeTag(ctx)
}

// apply makes a release be as it should be.
func (m *mesh) apply(ctx context.Context, chart, version string, values map[string]any) error {
	r, err := m.release(chart, version, values)
	if err != nil {
		return err
	}
	_, err = m.stack.Helm.Apply(ctx, r)
	return err
}

// upgrade is helm upgrade of a release to a version.
func (m *mesh) upgrade(ctx context.Context, chart, version string, values map[string]any) error {
	r, err := m.release(chart, version, values)
	if err != nil {
		return err
	}
	_, err = m.stack.Helm.Upgrade(ctx, r)
	return err
}

// rollback is helm rollback of a release to its last revision at a version. One
// whose injector was pinned to another version's proxies does not count.
func (m *mesh) rollback(ctx context.Context, chart, version string) error {
	r, err := m.release(chart, version, nil)
	if err != nil {
		return err
	}
	history, err := m.stack.Helm.History(ctx, r.Namespace, r.Name)
	if err != nil {
		return err
	}
	for _, h := range slices.Backward(history) {
		if h.Chart.Metadata.Version == version {
			return m.stack.Helm.Rollback(ctx, r.Namespace, r.Name, h.Version, r.Timeout)
		}
	}
	return fmt.Errorf("roll back release %s: none of its %d revisions is of version %s", r, len(history), version)
}

// removeCanaries uninstalls every control plane but the one without a revision.
func (m *mesh) removeCanaries(ctx context.Context) error {
	for _, version := range []string{m.stack.Cell.Istio, m.stack.FromCell.Istio} {
		r, err := m.canary(version)
		if err != nil {
			return err
		}
		if err := m.stack.Helm.Uninstall(ctx, r.Namespace, r.Name, r.Timeout); err != nil {
			return err
		}
	}
	return nil
}

// refresh restarts the gateway and the workloads where a proxy is not of the
// version, or was injected by another control plane than a new one would be.
func (m *mesh) refresh(ctx context.Context, version string) error {
	for _, g := range m.groups() {
		err := m.restartIf(ctx, g, func(p corev1.Pod) bool {
			return proxyVersion(&p) != version || p.Annotations[revisionLabel] != defaultRevision
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// group are pods whose proxies a journey moves together.
type group struct {
	namespace, selector string
	deployments         []string
}

func (m *mesh) gatewayGroup() group {
	g := m.stack.Gateway
	return group{g.Namespace, g.Selector, []string{g.Release}}
}

func (m *mesh) workloadGroup() group { return group{m.stack.Namespace, workloadLabel, workloads} }

func (m *mesh) groups() []group { return []group{m.gatewayGroup(), m.workloadGroup()} }

// restartGatewayAt restarts the gateway unless its new chart has done it already.
func (m *mesh) restartGatewayAt(ctx context.Context, version string) error {
	return m.restartIf(ctx, m.gatewayGroup(), func(p corev1.Pod) bool { return proxyVersion(&p) != version })
}

// restartIf restarts a group of which a pod is stale once it is at rest: Helm is
// content when the new pods are ready, and the last old one, which may still be
// there, is no reason for another rollout.
func (m *mesh) restartIf(ctx context.Context, g group, stale func(corev1.Pod) bool) error {
	if err := m.rolledOut(ctx, g.namespace, g.deployments...); err != nil {
		return err
	}
	pods, err := m.stack.ReadyPods(ctx, g.namespace, g.selector)
	if err != nil || !slices.ContainsFunc(pods, stale) {
		return err
	}
	return m.restart(ctx, g.namespace, g.deployments...)
}

// proxyVersion is the version in the tag of a pod's proxy image, wherever the
// proxy is: a native sidecar is an init container.
func proxyVersion(p *corev1.Pod) string {
	for _, c := range slices.Concat(p.Spec.Containers, p.Spec.InitContainers) {
		if c.Name == kit.ProxyContainer {
			return c.Image[strings.LastIndex(c.Image, ":")+1:]
		}
	}
	return ""
}

// lastAnswer is what the last question may take beyond the time of a wait.
const lastAnswer = 30 * time.Second

// until asks again until there is no error, at most for a time.
func until(ctx context.Context, atMost time.Duration, ask func(ctx context.Context) error) error {
	// Who is asked must not run into the deadline: its answer would be the deadline's
	// error, in the words of whichever client noticed it, and not the state.
	asking, cancel := context.WithTimeout(ctx, atMost+lastAnswer)
	defer cancel()
	deadline := time.NewTimer(atMost)
	defer deadline.Stop()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		err := ask(asking)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("stopped while %w", err)
		case <-deadline.C:
			return fmt.Errorf("after %s: %w", atMost, err)
		case <-ticker.C:
		}
	}
}
