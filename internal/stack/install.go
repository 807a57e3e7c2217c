package stack

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio-conformance/fixtures"
	"istio-conformance/internal/charts"
	"istio-conformance/internal/progress"
	"istio-conformance/internal/waits"
)

const (
	gatewayNamespace = "istio-ingress"
	gatewayRelease   = "istio-ingressgateway"
)

// install makes the namespaces and installs the charts in order, each when the
// one before is ready. What a kept cluster has already is left as it is.
func (s *Stack) install(ctx context.Context, logf progress.Logf) error {
	var err error
	if s.Helm, err = charts.NewClient(s.Cluster.Kubeconfig, "", progress.Discard); err != nil {
		return err
	}
	if s.Releases, err = s.plannedReleases(); err != nil {
		return err
	}
	for name, labels := range map[string]map[string]string{SystemNamespace: SystemLabels(), gatewayNamespace: {ownerLabel: "true"}} {
		if err := s.ensureNamespace(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}); err != nil {
			return err
		}
	}
	for _, r := range s.Releases {
		started := time.Now()
		installed, err := s.Helm.Apply(ctx, r)
		if err != nil {
			return fmt.Errorf("release %s: %w", r, err)
		}
		logf("release %s is at revision %d, ready after %s", r, installed.Version, time.Since(started).Round(100*time.Millisecond))
	}
	if err := s.findGateway(); err != nil {
		return err
	}
	s.proxy, err = s.describeProxy(ctx)
	return err
}

// plannedReleases are base, istiod and the gateway with their values.
func (s *Stack) plannedReleases() ([]charts.Release, error) {
	istiodValues := []string{"istiod"}
	if !s.Images.IstioFilters {
		istiodValues = append(istiodValues, "istiod-vanilla-proxy")
	}
	var releases []charts.Release
	for _, r := range []struct {
		name, namespace, chart string
		values                 []string
	}{
		{"istio-base", SystemNamespace, "base", []string{"base"}},
		{"istiod", SystemNamespace, "istiod", istiodValues},
		{gatewayRelease, gatewayNamespace, "gateway", []string{"gateway"}},
	} {
		values := map[string]any{}
		for _, file := range r.values {
			layer, err := charts.ReadValues(fixtures.Files, "values/"+file+".yaml")
			if err != nil {
				return nil, err
			}
			values = charts.Values(values, layer)
		}
		if r.chart == "istiod" {
			values = charts.Values(values, map[string]any{"global": map[string]any{"hub": s.Images.Hub, "tag": s.Images.Tag}})
		}
		path, ok := s.Images.Charts[r.chart]
		if !ok {
			return nil, fmt.Errorf("source %s has no chart %s, only %s", s.Images.Source, r.chart, strings.Join(slices.Sorted(maps.Keys(s.Images.Charts)), ", "))
		}
		releases = append(releases, charts.Release{Name: r.name, Namespace: r.namespace, Chart: path, Values: values, Timeout: s.Config.Waits.Or(waits.Chart, releaseTimeout)})
	}
	return releases, nil
}

// findGateway fills in where traffic enters.
func (s *Stack) findGateway() error {
	s.Gateway = Gateway{
		Namespace: gatewayNamespace, Release: gatewayRelease, ServiceAccount: gatewayRelease, Selector: "istio=ingressgateway",
	}
	var err error
	// The control plane's node; with the Service's default policy every node's port leads to the gateway.
	s.Gateway.HTTPPort, err = s.Cluster.PortFor(HTTPNodePort, s.Cluster.Nodes()[0].Name)
	return err
}
