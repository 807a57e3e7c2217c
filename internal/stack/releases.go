package stack

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"istio-conformance/fixtures"
	"istio-conformance/internal/check/waits"
	"istio-conformance/internal/images"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/envoy"
)

// dualValues is the layer for a cluster with IPv4 and IPv6.
const dualValues = "dual"

// component is a chart of the installation.
type component struct {
	release, namespace, chart string
	// values are the files below fixtures/values, the later ones on top.
	values []string
	// images says that the chart takes global.hub and global.tag.
	images bool
}

// components are the charts of a profile, in the order in which they can be
// installed. For each of Istio's own filters that is missing in a proxy, istiod is
// told by fixtures/values/istiod-without-<filter>.yaml not to configure it.
func components(missing []string, profile string) []component {
	istiod := component{"istiod", SystemNamespace, "istiod", []string{"istiod"}, true}
	for _, filter := range missing {
		if filter == envoy.PeerMetadata {
			continue // Only the ambient profile has Envoys listen for HBONE.
		}
		istiod.values = append(istiod.values, "istiod-without-"+strings.ReplaceAll(filter, "_", "-"))
	}
	base := component{"istio-base", SystemNamespace, "base", []string{"base"}, false}
	cni := component{"istio-cni", SystemNamespace, "cni", []string{"cni"}, true}
	gateway := component{gatewayRelease, gatewayNamespace, "gateway", []string{"gateway"}, false}
	switch profile {
	case ProfileCNI:
		istiod.values = append(istiod.values, "istiod-cni")
		return []component{base, cni, istiod, gateway}
	case ProfileAmbient:
		istiod.values = append(istiod.values, "istiod-ambient")
		if slices.Contains(missing, envoy.PeerMetadata) {
			istiod.values = append(istiod.values, "istiod-without-hbone")
		}
		cni.values = append(cni.values, "cni-ambient")
		return []component{base, cni, istiod, {"ztunnel", SystemNamespace, "ztunnel", []string{"ztunnel"}, true}, gateway}
	default:
		return []component{base, istiod, gateway}
	}
}

// ReleasesOf returns the charts of a profile with their values, in the order in
// which they can be installed.
func (s *Stack) ReleasesOf(profile string) ([]charts.Release, error) {
	return s.PlanReleases(s.Images, profile, s.config.ValuesLayer)
}

// PlanReleases is ReleasesOf for another set of images and charts. A layer adds
// fixtures/values/<layer>-<chart>.yaml where there is one.
func (s *Stack) PlanReleases(set *images.Set, profile, layer string) ([]charts.Release, error) {
	if len(s.wanted) > 0 {
		return s.planWanted(set, profile, layer)
	}
	var releases []charts.Release
	for _, c := range components(s.missingFilters, profile) {
		values, err := c.read(set, layer)
		if err != nil {
			return nil, err
		}
		path, ok := set.Charts[c.chart]
		if !ok {
			return nil, fmt.Errorf("source %s has no chart %s, only %s", set.Source, c.chart, strings.Join(slices.Sorted(maps.Keys(set.Charts)), ", "))
		}
		releases = append(releases, charts.Release{Name: c.release, Namespace: c.namespace, Chart: path, Values: values, Timeout: s.config.Waits.Or(waits.Chart, releaseTimeout)})
	}
	return releases, nil
}

// read puts the component's values together.
func (c component) read(set *images.Set, layer string) (map[string]any, error) {
	values := map[string]any{}
	for _, file := range withLayer(c.values, layer, c.chart) {
		more, err := charts.ReadValues(fixtures.Files, "values/"+file+".yaml")
		if err != nil {
			return nil, err
		}
		values = charts.Values(values, more)
	}
	if c.images {
		where := map[string]any{"hub": set.Hub, "tag": set.Tag}
		values = charts.Values(values, map[string]any{"global": where})
		if c.chart == "ztunnel" {
			values = charts.Values(values, where) // its own names win over global's
			if set.Ztunnel != "" {
				// With a slash it replaces the whole reference.
				values["image"] = set.Ztunnel
			}
		}
	}
	return values, nil
}

// NativeNftables says whether nft itself writes the rules in pods, and not iptables.
func (s *Stack) NativeNftables() bool { return slices.ContainsFunc(s.Releases, HasNativeNftables) }

// HasNativeNftables says whether a release's values have nft write the rules in pods.
func HasNativeNftables(r charts.Release) bool {
	global, _ := r.Values["global"].(map[string]any) // nil where it is no table
	on, _ := global["nativeNftables"].(bool)         // false where it is something else
	return on
}

// GatewayRelease is the release of the gateway under test, which the user's list may
// have anywhere; empty where no release is of it.
func (s *Stack) GatewayRelease() *charts.Release {
	i := slices.IndexFunc(s.Releases, func(r charts.Release) bool {
		return r.Namespace == s.Gateway.Namespace && r.Name == s.Gateway.Release
	})
	if i < 0 {
		return &charts.Release{}
	}
	return &s.Releases[i]
}
