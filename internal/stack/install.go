package stack

import (
	"context"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/desired"
	"istio-conformance/internal/mesh/envoy"
	"istio-conformance/internal/process/progress"
)

const (
	gatewayNamespace = "istio-ingress"
	gatewayRelease   = "istio-ingressgateway"
)

// Install installs what Uninstall removed, or makes sure that it is there.
func (s *Stack) Install(ctx context.Context) error {
	if err := s.planInstallation(); err != nil {
		return err
	}
	if err := s.apply(ctx, progress.Discard); err != nil {
		return err
	}
	return s.findGateway(ctx, progress.Discard)
}

// Uninstall removes the releases in the reverse of their order, and leaves the
// namespaces.
func (s *Stack) Uninstall(ctx context.Context) error {
	for i := len(s.Releases) - 1; i >= 0; i-- {
		r := s.Releases[i]
		if err := s.Helm.Uninstall(ctx, r.Namespace, r.Name, r.Timeout); err != nil {
			return err
		}
	}
	return nil
}

// install makes the namespaces and installs the charts in order, each when the
// one before is ready. What a kept cluster has already is left as it is; what is not
// as it should be there is named before it is put right.
func (b *Builder) install(ctx context.Context, logf progress.Logf) error {
	if err := b.askProxies(ctx, logf); err != nil {
		return err
	}
	if err := b.planInstallation(); err != nil {
		return err
	}
	if err := b.tellWanted(logf); err != nil {
		return err
	}
	if err := b.judgeKept(ctx, logf); err != nil {
		return err
	}
	if !b.config.SkipInstall {
		if err := b.removeOtherHelms(ctx, logf); err != nil {
			return err
		}
		if err := b.apply(ctx, logf); err != nil {
			return err
		}
	}
	return b.findGateway(ctx, logf)
}

// planInstallation decides what is installed by which Helm.
func (s *Stack) planInstallation() error {
	var err error
	if s.Helm, err = s.helm(); err != nil {
		return err
	}
	s.Releases, err = s.PlanReleases(s.firstImages(), s.config.Profile, s.config.ValuesLayer)
	return err
}

// apply makes the namespaces and the releases.
func (s *Stack) apply(ctx context.Context, logf progress.Logf) error {
	if err := s.removeOthers(ctx, logf); err != nil {
		return err
	}
	for name, labels := range s.namespaces() {
		if err := s.ensureNamespace(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}); err != nil {
			return err
		}
	}
	for _, r := range s.Releases {
		started := time.Now()
		installed, err := s.Helm.Apply(ctx, r)
		if err != nil {
			return err
		}
		logf("release %s is at revision %d, ready after %s", r, installed.Version, time.Since(started).Round(100*time.Millisecond))
	}
	return nil
}

// namespaces are those that exist before anything is installed, with their labels.
func (s *Stack) namespaces() map[string]map[string]string {
	all := map[string]map[string]string{SystemNamespace: SystemLabels()}
	if len(s.wanted) == 0 {
		all[gatewayNamespace] = map[string]string{ownerLabel: "true"}
	}
	for _, w := range s.wanted {
		if all[w.Namespace] == nil {
			all[w.Namespace] = map[string]string{ownerLabel: "true"}
		}
	}
	for _, labels := range all {
		maps.Copy(labels, s.discovered())
	}
	return all
}

// removeOthers uninstalls what a kept cluster has of another profile or installation,
// which would hold node ports and webhooks of this one. The last that could be installed
// goes first.
func (s *Stack) removeOthers(ctx context.Context, logf progress.Logf) error {
	others, err := s.others(ctx)
	if err != nil {
		return err
	}
	for _, r := range slices.Backward(others) {
		logf("release %s is not of this installation and is removed", r)
		if err := s.Helm.Uninstall(ctx, r.Namespace, r.Name, releaseTimeout); err != nil {
			return err
		}
	}
	return nil
}

// others are the releases of Istio's charts in the cluster that this run does not
// install, in the order in which they can be installed.
func (s *Stack) others(ctx context.Context) ([]charts.Release, error) {
	installed, err := s.Helm.List(ctx, "")
	if err != nil {
		return nil, err
	}
	var others []charts.Release
	for _, chart := range desired.Charts {
		for _, r := range installed {
			ours := slices.ContainsFunc(s.Releases, func(o charts.Release) bool { return o.Namespace == r.Namespace && o.Name == r.Name })
			if r.Chart.Metadata.Name == chart && !ours {
				others = append(others, charts.Release{Name: r.Name, Namespace: r.Namespace})
			}
		}
	}
	return others, nil
}

// harnessWitnesses are those that fixtures/values/istiod.yaml asks for: where they are
// missing, checks must fail.
func harnessWitnesses() Witnesses {
	return Witnesses{Known: true, Log: envoy.LogFormat{Written: true, Readable: true, Attempts: true}, Statistics: true}
}

// findGateway fills in where traffic enters, and which proxy answers there.
func (s *Stack) findGateway(ctx context.Context, logf progress.Logf) error {
	s.Gateway = Gateway{
		Namespace: gatewayNamespace, Release: gatewayRelease, ServiceAccount: gatewayRelease,
		Selector: "istio=ingressgateway", Labels: map[string]string{"istio": "ingressgateway"},
		HTTP: GatewayPort{80, 80, HTTPNodePort}, HTTPS: GatewayPort{443, 443, HTTPSNodePort}, Status: GatewayPort{statusPort, statusPort, StatusNodePort},
		Witnesses: harnessWitnesses(),
	}
	if len(s.wanted) > 0 {
		if err := s.findWantedGateway(ctx, logf); err != nil {
			return err
		}
	}
	// The control plane's node; with the Service's default policy every node's port leads to the gateway.
	at, err := s.Cluster.PortFor(HTTPNodePort, s.Cluster.Nodes()[0].Name)
	if err != nil {
		return err
	}
	s.Gateway.HTTPPort = int(at.Port())
	s.Gateway.Entrance = Entrance{How: "a node port", HTTP: at.String()}
	if s.Gateway.Entrance.HTTPS, err = s.GatewayAddress(HTTPSNodePort, ""); err != nil {
		return err
	}
	if err := s.behindBalancer(ctx, logf); err != nil {
		return err
	}
	s.proxy, err = s.describeProxy(ctx)
	return err
}
