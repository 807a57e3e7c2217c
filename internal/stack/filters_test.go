package stack

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"istio-conformance/internal/images"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/envoy"
	"istio-conformance/internal/report"
)

// What any of the proxies lacks counts for all: istiod of one version configures
// those of both.
func TestTheFiltersOfAllProxiesCount(t *testing.T) {
	s := New(Config{})
	s.Images = &images.Set{Hub: "hub", Tag: "1.31.0", Notes: []string{"a note"}}
	s.learnFilters("hub/proxyv2:1.31.0", nil)
	if len(s.MissingFilters()) != 0 || len(s.filterNotes) != 0 {
		t.Errorf("%v are missing, notes %q", s.missingFilters, s.filterNotes)
	}
	s.learnFilters("hub/proxyv2:1.30.0", []string{envoy.ALPN})
	s.learnFilters("hub/proxyv2:1.29.0", []string{envoy.IstioStats, envoy.ALPN})
	if want := []string{envoy.ALPN, envoy.IstioStats}; !slices.Equal(s.MissingFilters(), want) {
		t.Errorf("%v are missing, want %v", s.MissingFilters(), want)
	}
	var e report.Environment
	s.describe(&e)
	want := []string{
		"a note",
		"Envoy of hub/proxyv2:1.30.0 lacks these of Istio's own filters: alpn; istiod is configured not to use them",
		"Envoy of hub/proxyv2:1.29.0 lacks these of Istio's own filters: istio_stats, alpn; istiod is configured not to use them",
	}
	if !slices.Equal(e.Notes, want) {
		t.Errorf("notes %q, want %q", e.Notes, want)
	}
}

func TestValuesFollowTheProxysFilters(t *testing.T) {
	set := &images.Set{Charts: map[string]string{"base": "b", "istiod": "i", "gateway": "g"}}
	for what, test := range map[string]struct {
		missing []string
		want    map[string]any
	}{
		"all there":            {nil, map[string]any{}},
		"no istio_stats":       {[]string{envoy.IstioStats}, map[string]any{"telemetry": false}},
		"no metadata_exchange": {[]string{envoy.MetadataExchange}, map[string]any{"PILOT_ENABLE_METADATA_EXCHANGE": "false"}},
		"no alpn":              {[]string{envoy.ALPN}, map[string]any{"PILOT_ENABLE_ALPN_FILTER": "false"}},
		"none": {envoy.MissingFilters(nil), map[string]any{
			"telemetry": false, "PILOT_ENABLE_METADATA_EXCHANGE": "false", "PILOT_ENABLE_ALPN_FILTER": "false",
		}},
	} {
		s := New(Config{})
		s.missingFilters = test.missing
		releases, err := s.PlanReleases(set, ProfileDefault, "")
		if err != nil {
			t.Fatal(err)
		}
		values := releases[slices.IndexFunc(releases, func(r charts.Release) bool { return r.Name == "istiod" })].Values
		got := map[string]any{}
		pilot, _ := values["pilot"].(map[string]any)
		env, _ := pilot["env"].(map[string]any)
		for name, value := range env {
			if strings.HasPrefix(name, "PILOT_ENABLE_") {
				got[name] = value
			}
		}
		if telemetry, ok := values["telemetry"].(map[string]any); ok {
			got["telemetry"] = telemetry["enabled"]
		}
		if !maps.Equal(got, test.want) {
			t.Errorf("%s: values %v, want %v", what, got, test.want)
		}
	}
}

// An Envoy that refuses a listener for HBONE must not be given one, and only the
// ambient profile would give it one.
func TestHBONEFollowsTheProxysFilters(t *testing.T) {
	set := &images.Set{Charts: map[string]string{"base": "b", "cni": "c", "istiod": "i", "ztunnel": "z", "gateway": "g"}}
	for what, test := range map[string]struct {
		missing []string
		profile string
		want    any
	}{
		"all there":             {nil, ProfileAmbient, nil},
		"another one missing":   {[]string{envoy.ALPN}, ProfileAmbient, nil},
		"the filter missing":    {[]string{envoy.PeerMetadata}, ProfileAmbient, "false"},
		"not the ambient ones":  {[]string{envoy.PeerMetadata}, ProfileDefault, nil},
		"nor those with plugin": {[]string{envoy.PeerMetadata}, ProfileCNI, nil},
	} {
		s := New(Config{})
		s.missingFilters = test.missing
		releases, err := s.PlanReleases(set, test.profile, "")
		if err != nil {
			t.Fatal(err)
		}
		values := releases[slices.IndexFunc(releases, func(r charts.Release) bool { return r.Name == "istiod" })].Values
		got, _, err := unstructured.NestedFieldNoCopy(values, "meshConfig", "defaultConfig", "proxyMetadata", "ISTIO_META_ENABLE_HBONE")
		if err != nil || got != test.want {
			t.Errorf("%s: %v, %v, want %v", what, got, err, test.want)
		}
	}
}

func TestZtunnelsOwnImage(t *testing.T) {
	set := &images.Set{Hub: "h", Tag: "1", Ztunnel: "other/ztunnel:2", Charts: map[string]string{"base": "b", "cni": "c", "istiod": "i", "ztunnel": "z", "gateway": "g"}}
	releases, err := New(Config{}).PlanReleases(set, ProfileAmbient, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range releases {
		if image := r.Values["image"]; (r.Name == "ztunnel") != (image == "other/ztunnel:2") {
			t.Errorf("release %s: value image is %v", r, image)
		}
	}
}
