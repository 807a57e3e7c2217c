package envoy

import (
	"slices"
	"strings"
	"testing"
)

func TestExtensions(t *testing.T) {
	got, err := Extensions(sample(t, "config_dump.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 12 || !slices.IsSorted(got) || !slices.Contains(got, "envoy.cors") {
		t.Errorf("got %d extensions: %v", len(got), got)
	}
	if missing := MissingFilters(got); len(missing) != len(istioFilters) {
		t.Errorf("Envoy's own build lacks only %v", missing)
	}
}

func TestExtensionsRefuses(t *testing.T) {
	for _, dump := range []string{"", "{}", `{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.ClustersConfigDump"}]}`} {
		if got, err := Extensions([]byte(dump)); err == nil {
			t.Errorf("%q: got %v, want an error", dump, got)
		}
	}
}

func TestServerVersion(t *testing.T) {
	got, err := ServerVersion([]byte(`{"version":"9e5580933739775e8bce696a57a2e1bc99368f23/1.40.0/Clean/RELEASE/BoringSSL","state":"LIVE"}`))
	if err != nil || got != "1.40.0" {
		t.Errorf("got %q, %v; want 1.40.0", got, err)
	}
	for _, info := range []string{"", "{}", `{"version":"1.40.0"}`} {
		if got, err := ServerVersion([]byte(info)); err == nil || !strings.Contains(err.Error(), "server_info") {
			t.Errorf("%q: got %q, %v; want an error that names the request", info, got, err)
		}
	}
}
