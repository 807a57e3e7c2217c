package envoy

import (
	"slices"
	"strings"
	"testing"
)

// ofIstio is what Istio's own proxies register of what is asked about here.
var ofIstio = []string{"envoy.cors", "envoy.filters.http.istio_stats", "envoy.filters.network.metadata_exchange", "envoy.filters.http.peer_metadata", "istio.alpn"}

func TestMissingFilters(t *testing.T) {
	without := func(names ...string) []string {
		return slices.DeleteFunc(slices.Clone(ofIstio), func(name string) bool { return slices.Contains(names, name) })
	}
	for what, test := range map[string]struct{ extensions, want []string }{
		"Istio's proxy":        {ofIstio, nil},
		"Istio's proxy 1.18":   {append(without("envoy.filters.http.peer_metadata"), "envoy.filters.http.connect_baggage"), nil},
		"Envoy's contrib":      {append(without("istio.alpn"), "envoy.filters.http.alpn"), nil},
		"Envoy's own build":    {[]string{"envoy.cors"}, []string{IstioStats, MetadataExchange, ALPN, PeerMetadata}},
		"no istio_stats":       {without("envoy.filters.http.istio_stats"), []string{IstioStats}},
		"no exchange for TCP":  {without("envoy.filters.network.metadata_exchange"), []string{MetadataExchange}},
		"no exchange for HTTP": {without("envoy.filters.http.peer_metadata"), []string{MetadataExchange, PeerMetadata}},
		"no alpn":              {without("istio.alpn"), []string{ALPN}},
	} {
		if got := MissingFilters(test.extensions); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v are missing, want %v", what, got, test.want)
		}
	}
}

// The sample is what Envoy 1.40.0 of its own project printed, with fewer categories.
func TestListedExtensions(t *testing.T) {
	printed := string(sample(t, "extensions.log"))
	got, err := ListedExtensions(printed)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 170 || !slices.IsSorted(got) || !slices.Contains(got, "envoy.filters.http.router") || !slices.Contains(got, "envoy.stat_sinks.wasm") {
		t.Errorf("got %d extensions: %v", len(got), got)
	}
	if missing := MissingFilters(got); len(missing) != len(istioFilters) {
		t.Errorf("Envoy's own build lacks only %v", missing)
	}
	istios := strings.Replace(printed, "envoy.filters.http: ", "envoy.filters.http: istio.alpn, envoy.filters.http.istio_stats, envoy.filters.http.peer_metadata, ", 1)
	istios = strings.Replace(istios, "envoy.filters.network: ", "envoy.filters.network: envoy.filters.network.metadata_exchange, ", 1)
	if got, err = ListedExtensions(istios); err != nil || len(MissingFilters(got)) != 0 {
		t.Errorf("Istio's proxy lacks %v, %v", MissingFilters(got), err)
	}
}

func TestListedExtensionsRefuses(t *testing.T) {
	for what, test := range map[string]struct{ printed, want string }{
		"nothing":          {"", "printed: nothing"},
		"another error":    {"a\nexec format error\n\n", "printed: exec format error"},
		"an empty list":    {listHeading + "\nexiting\n", "printed: exiting"},
		"only the heading": {listHeading, "printed: " + listHeading},
	} {
		if got, err := ListedExtensions(test.printed); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, %v; want %q", what, got, err, test.want)
		}
	}
}
