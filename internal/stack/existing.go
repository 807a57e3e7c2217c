package stack

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/release"
	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/cluster"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/envoy"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// Existing reports whether the cluster under test was there before.
func (s *Stack) Existing() bool { return s.config.Kubeconfig != "" }

// WhyNotOurs says why a check that needs a cluster of the harness's own making
// cannot be made; empty when the cluster is.
func (s *Stack) WhyNotOurs() string {
	switch {
	case !s.Existing():
		return ""
	case s.InNamespace():
		return "done only in a cluster that is made here: it changes Istio, the gateway, a node or the whole cluster"
	default:
		return "an existing cluster is only read: its nodes are not entered and nothing is deployed"
	}
}

// connect takes the cluster that is already there.
func (b *Builder) connect(ctx context.Context, logf progress.Logf) error {
	var err error
	if b.Cluster, err = cluster.Existing(ctx, b.config.Kubeconfig, b.config.Context); err != nil {
		return err
	}
	if b.Cell.Kubernetes, err = b.Cluster.ServerVersion(ctx); err != nil {
		return err
	}
	logf("context %s of %s, Kubernetes %s", b.Cluster.Name, b.Cluster.Kubeconfig, b.Cell.Kubernetes)
	return b.RenewClient()
}

// profileOf says which profile a chart is a mark of that not every installation has.
var profileOf = map[string]string{"cni": ProfileCNI, "ztunnel": ProfileAmbient}

// AsExisting returns a stack that takes this one's cluster as a user's, of whose
// making it knows nothing but the backend's image, where checks make pods. Leave takes
// away what it makes there.
func (s *Stack) AsExisting(ctx context.Context, scope string) (*Stack, error) {
	image := ""
	if scope == ScopeNamespace {
		image = s.Images.Backend
	}
	other := New(Config{Scope: scope, BackendImage: image, Engine: s.config.Engine, Kubeconfig: s.Cluster.Kubeconfig, Context: s.config.Context, Waits: s.config.Waits, Root: s.config.Root, CacheDir: s.config.CacheDir, OutDir: s.config.OutDir})
	if err := other.connect(ctx, progress.Discard); err != nil {
		return nil, err
	}
	return other.Stack, other.discover(ctx, progress.Discard)
}

// Leave removes the namespace that a run made in an existing cluster, and waits
// until it is gone; with it goes what the run left in others and in the nodes.
func (s *Stack) Leave(ctx context.Context) error {
	err := s.removeScratch(ctx, true)
	if s.unload != nil {
		err = errors.Join(err, s.unload(ctx))
		s.unload = nil
	}
	return err
}

// discover finds Istio instead of installing it: by Helm's releases, and what has none
// by its pods.
func (b *Builder) discover(ctx context.Context, logf progress.Logf) error {
	if err := b.findReleases(ctx, logf); err != nil {
		return err
	}
	if err := b.findIstiod(ctx, logf); err != nil {
		return err
	}
	if err := b.readMesh(ctx); err != nil {
		return err
	}
	if err := b.useGateway(ctx, logf); err != nil {
		return err
	}
	if err := b.judgeExisting(); err != nil {
		return err
	}
	var err error
	if b.proxy, err = b.describeProxy(ctx); err != nil {
		return err
	}
	b.missingFilters = envoy.MissingFilters(b.proxy.Extensions)
	if b.InNamespace() {
		if err := b.prepareNamespace(ctx, logf); err != nil {
			return err
		}
	}
	return b.verifyAddress(ctx, logf)
}

// findReleases finds the releases of Istio's charts.
func (b *Builder) findReleases(ctx context.Context, logf progress.Logf) error {
	var err error
	if b.Helm, err = b.helm(); err != nil {
		return err
	}
	releases, err := b.Helm.List(ctx, "")
	if err != nil {
		return err
	}
	broken, err := b.Helm.Unreadable(ctx)
	if err != nil {
		return err
	}
	for _, line := range broken {
		logf("%s: it may be one of Istio's, and is passed over, as Helm does", line)
	}
	for _, chart := range []string{"base", "cni", "istiod", "ztunnel", "gateway"} {
		i := slices.IndexFunc(releases, func(r *release.Release) bool { return r.Chart.Metadata.Name == chart })
		if i < 0 {
			continue
		}
		found := releases[i]
		logf("release %s/%s, chart %s %s", found.Namespace, found.Name, chart, found.Chart.Metadata.Version)
		b.Releases = append(b.Releases, charts.Release{Name: found.Name, Namespace: found.Namespace})
		b.recorded = append(b.recorded, chart)
		b.Cell.Istio = found.Chart.Metadata.Version
		if profile, optional := profileOf[chart]; optional {
			b.config.Profile = profile
		}
	}
	for _, chart := range []string{"base", "istiod", "gateway"} {
		if !slices.Contains(b.recorded, chart) {
			logf("Helm has no release of chart %s here: what only its record can tell is not checked", chart)
		}
	}
	return nil
}

// WhyNoRecord says why a check that compares with what Helm keeps of these charts cannot
// be made; empty when it can.
func (s *Stack) WhyNoRecord(charts ...string) string {
	if !s.Existing() {
		return ""
	}
	for _, chart := range charts {
		if !slices.Contains(s.recorded, chart) {
			return "Helm has no release of chart " + chart + " in this cluster, and only its record tells what was to be installed"
		}
	}
	return ""
}

// WithRecord is a SkipIf of WhyNoRecord.
func (s *Stack) WithRecord(charts ...string) func() string {
	return func() string { return s.WhyNoRecord(charts...) }
}

// scopeVariable has istiod, where it is "true", match a Gateway resource with the gateway
// pods of its own namespace alone.
// https://istio.io/latest/docs/reference/commands/pilot-discovery/#envvars
const scopeVariable = "PILOT_SCOPE_GATEWAY_TO_NAMESPACE"

// versionLabel is that of what Istio's charts render.
const versionLabel = "app.kubernetes.io/version"

// findIstiod looks for the control plane; where Helm knows no version it is that of the
// pods' label or image.
func (s *Stack) findIstiod(ctx context.Context, logf progress.Logf) error {
	pods, err := s.istiodPods(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(pods, func(p corev1.Pod) bool { return p.Namespace == SystemNamespace })
	switch {
	case len(pods) == 0:
		return exitcode.Environmentf("cluster %s: no istiod: no pod in any namespace has the label app=istiod; install Istio, or name another cluster: KUBECONFIG, CONTEXT", s.Cluster.Name)
	case i < 0:
		return exitcode.Environmentf("cluster %s: istiod runs in namespace %s; the checks know it in %s alone", s.Cluster.Name, pods[0].Namespace, SystemNamespace)
	}
	s.revision = cmp.Or(pods[i].Labels[RevisionLabel], defaultRevision)
	if s.injection, err = s.findInjection(ctx); err != nil {
		return err
	}
	s.scoped = slices.ContainsFunc(pods[i].Spec.Containers[0].Env, func(e corev1.EnvVar) bool { return e.Name == scopeVariable && e.Value == "true" })
	if s.Cell.Istio == "" {
		s.Cell.Istio = cmp.Or(pods[i].Labels[versionLabel], imageVersion(pods[i].Spec.Containers[0].Image))
	}
	if s.Cell.Istio == "" {
		return exitcode.Environmentf("cluster %s: which version istiod is of is not known: its pod %s has no label %s, and its image %s no version as its tag", s.Cluster.Name, pods[i].Name, versionLabel, pods[i].Spec.Containers[0].Image)
	}
	// Before an upgrade it is not the version of the pair.
	logf("istiod %s, revision %s", cmp.Or(pods[i].Labels[versionLabel], imageVersion(pods[i].Spec.Containers[0].Image), s.Cell.Istio), s.revision)
	return nil
}

// imageVersion is the version in an image's tag; empty when it has none.
func imageVersion(image string) string {
	_, tag, _ := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	tag, _, _ = strings.Cut(tag, "@")
	version, _, _ := strings.Cut(tag, "-")
	if parsed, err := istio.ParseVersion(version); err != nil || !parsed.Full() {
		return ""
	}
	return version
}

// judgeExisting notes what Istio's project says of what the cluster has.
func (b *Builder) judgeExisting() error {
	table, err := istio.Load()
	if err != nil {
		return err
	}
	return b.judgeSupport(table)
}
