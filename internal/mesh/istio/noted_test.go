package istio

import (
	"slices"
	"testing"
)

// operatorsNotes is the table in the notes on Istio 1.18.2 that this project
// was asked to hold every version to.
var operatorsNotes = []NotedCRD{
	{"IstioOperator", "install.istio.io", "v1alpha1"},
	{"DestinationRule", "networking.istio.io", "v1beta1"},
	{"Gateway", "networking.istio.io", "v1beta1"},
	{"ProxyConfig", "networking.istio.io", "v1beta1"},
	{"ServiceEntry", "networking.istio.io", "v1beta1"},
	{"Sidecar", "networking.istio.io", "v1beta1"},
	{"VirtualService", "networking.istio.io", "v1beta1"},
	{"WorkloadEntry", "networking.istio.io", "v1beta1"},
	{"WorkloadGroup", "networking.istio.io", "v1beta1"},
	{"EnvoyFilter", "networking.istio.io", "v1alpha3"},
	{"AuthorizationPolicy", "security.istio.io", "v1beta1"},
	{"PeerAuthentication", "security.istio.io", "v1beta1"},
	{"RequestAuthentication", "security.istio.io", "v1beta1"},
	{"Telemetry", "telemetry.istio.io", "v1alpha1"},
}

func TestNotesOf118(t *testing.T) {
	got, err := NotedCRDs("1.18.2")
	if err != nil {
		t.Fatal(err)
	}
	want := append(slices.Clone(operatorsNotes), NotedCRD{"WasmPlugin", "extensions.istio.io", "v1alpha1"})
	for _, crd := range want {
		if !slices.Contains(got, crd) {
			t.Errorf("%+v is missing", crd)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d kinds and versions, want %d: %v", len(got), len(want), got)
	}
}

func TestNotedCRDsByVersion(t *testing.T) {
	operator := NotedCRD{"IstioOperator", "install.istio.io", "v1alpha1"}
	stable := NotedCRD{"VirtualService", "networking.istio.io", "v1"}
	extension := NotedCRD{"TrafficExtension", "extensions.istio.io", "v1alpha1"}
	proxyConfig := NotedCRD{"ProxyConfig", "networking.istio.io", "v1"}
	cases := []struct {
		istio string
		crd   NotedCRD
		want  bool
	}{
		{"1.20.8", operator, true},
		{"1.21.0", operator, false},
		{"1.21.6", stable, false},
		{"1.22.0", stable, true},
		{"1.31", stable, true},
		{"1.29.6", extension, false},
		{"1.30.0", extension, true},
		{"1.31.0", proxyConfig, false},
	}
	for _, c := range cases {
		got, err := NotedCRDs(c.istio)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(got, c.crd) != c.want {
			t.Errorf("Istio %s, %+v: served %t, want %t", c.istio, c.crd, !c.want, c.want)
		}
	}
	if _, err := NotedCRDs("latest"); err == nil {
		t.Error("want an error for a version that is none")
	}
}

// Each entry must be able to be served by some version.
func TestNotedRows(t *testing.T) {
	table, err := loadNotes()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, k := range table.Kinds {
		if k.Kind == "" || k.Group == "" || len(k.Versions) == 0 {
			t.Errorf("row %+v is not complete", k)
		}
		for _, v := range k.Versions {
			key := k.Group + "/" + v.Name + " " + k.Kind
			if seen[key] {
				t.Errorf("%s occurs twice", key)
			}
			seen[key] = true
			if v.From != nil && v.Until != nil && compareMinor(*v.From, *v.Until) > 0 {
				t.Errorf("%s is served from %s until %s", key, v.From, v.Until)
			}
		}
	}
}
