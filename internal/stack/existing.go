package stack

import (
	"context"
	"fmt"
	"slices"

	"helm.sh/helm/v3/pkg/release"

	"istio-conformance/internal/cluster"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/envoy"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/progress"
)

// Existing reports whether the cluster under test was there before.
func (s *Stack) Existing() bool { return s.Config.Kubeconfig != "" }

// WhyNotOurs says why a check that needs a cluster of the harness's own making
// cannot be made; empty when the cluster is.
func (s *Stack) WhyNotOurs() string {
	if !s.Existing() {
		return ""
	}
	return "an existing cluster is only read: its nodes are not entered and nothing is deployed"
}

// connect takes the cluster that is already there.
func (s *Stack) connect(ctx context.Context, logf progress.Logf) error {
	var err error
	if s.Cluster, err = cluster.Existing(ctx, s.Config.Kubeconfig, s.Config.Context); err != nil {
		return err
	}
	if s.Cell.Kubernetes, err = s.Cluster.ServerVersion(ctx); err != nil {
		return err
	}
	logf("context %s of %s, Kubernetes %s", s.Cluster.Name, s.Cluster.Kubeconfig, s.Cell.Kubernetes)
	return s.RenewClient()
}

// profileOf says which profile a chart is a mark of that not every installation has.
var profileOf = map[string]string{"cni": ProfileCNI, "ztunnel": ProfileAmbient}

// AsExisting returns a stack that takes this one's cluster as a user's, of whose
// making it knows nothing. Leave takes away what it makes there.
func (s *Stack) AsExisting(ctx context.Context) (*Stack, error) {
	other := New(Config{Kubeconfig: s.Cluster.Kubeconfig, Context: s.Config.Context, Waits: s.Config.Waits, Root: s.Config.Root, CacheDir: s.Config.CacheDir, OutDir: s.Config.OutDir})
	if err := other.connect(ctx, progress.Discard); err != nil {
		return nil, err
	}
	return other, other.discover(ctx, progress.Discard)
}

// Leave removes the namespace that a run made in an existing cluster, and waits
// until it is gone.
func (s *Stack) Leave(ctx context.Context) error { return s.removeScratch(ctx, true) }

// discover finds the releases of Istio's charts instead of installing them.
func (s *Stack) discover(ctx context.Context, logf progress.Logf) error {
	var err error
	if s.Helm, err = s.helm(); err != nil {
		return err
	}
	releases, err := s.Helm.List(ctx, "")
	if err != nil {
		return err
	}
	for _, chart := range []string{"base", "cni", "istiod", "ztunnel", "gateway"} {
		i := slices.IndexFunc(releases, func(r *release.Release) bool { return r.Chart.Metadata.Name == chart })
		profile, optional := profileOf[chart]
		if i < 0 && optional {
			continue
		}
		if i < 0 {
			return fmt.Errorf("no release of Istio's chart %s in cluster %s, among %d releases", chart, s.Cluster.Name, len(releases))
		}
		found := releases[i]
		logf("release %s/%s, chart %s %s", found.Namespace, found.Name, chart, found.Chart.Metadata.Version)
		s.Releases = append(s.Releases, charts.Release{Name: found.Name, Namespace: found.Namespace})
		s.Cell.Istio = found.Chart.Metadata.Version
		if optional {
			s.Config.Profile = profile
		}
		if chart == "gateway" {
			s.Gateway = Gateway{Namespace: found.Namespace, Release: found.Name, ServiceAccount: found.Name, Selector: "app=" + found.Name}
		}
	}
	if err := s.judgeExisting(); err != nil {
		return err
	}
	s.proxy, err = s.describeProxy(ctx)
	s.missingFilters = envoy.MissingFilters(s.proxy.Extensions)
	return err
}

// judgeExisting notes what Istio's project says of what the cluster has.
func (s *Stack) judgeExisting() error {
	table, err := istio.Load()
	if err != nil {
		return err
	}
	return s.judgeSupport(table)
}
