package envoy

import (
	"errors"
	"slices"
	"strings"
)

// Istio's own filters, which an Envoy of another build may lack. Istiod configures
// all of them unless it is told not to, and an Envoy refuses a whole listener that
// names a filter which it does not have.
const (
	// IstioStats counts requests and connections: istio_requests_total and its kin.
	IstioStats = "istio_stats"
	// MetadataExchange tells the proxy at the other end which workload speaks.
	MetadataExchange = "metadata_exchange"
	// ALPN offers Istio's own protocol names, by which a server tells mesh traffic
	// from other TLS traffic.
	ALPN = "alpn"
	// PeerMetadata notes which workload is at the other end. Istiod configures it
	// wherever an Envoy listens for HBONE, the ambient mode's tunnels:
	// buildConnectTerminateListener in its pilot/pkg/networking/core/listener_waypoint.go.
	// To send by HBONE, as a gateway does, Envoy's own filters are enough.
	PeerMetadata = "peer_metadata"
)

// istioFilters are Istio's own filters and what each needs of an Envoy: one name of
// each row. The names are those in the sources of istio/proxy, release-1.18 to
// release-1.30, and of its bazel/extension_config for the filters that have moved to
// Envoy's contrib/istio.
var istioFilters = []struct {
	name  string
	needs [][]string
}{
	{IstioStats, [][]string{{"envoy.filters.http.istio_stats"}}},
	{MetadataExchange, [][]string{
		{"envoy.filters.network.metadata_exchange"},
		// Up to 1.18 HTTP metadata was exchanged by a filter in WebAssembly, which is
		// not registered; its proxies are known by the forerunner of peer_metadata.
		{"envoy.filters.http.peer_metadata", "envoy.filters.http.connect_baggage"},
	}},
	{ALPN, [][]string{{"istio.alpn", "envoy.filters.http.alpn"}}},
	{PeerMetadata, [][]string{{"envoy.filters.http.peer_metadata", "envoy.filters.http.connect_baggage"}}},
}

// MissingFilters returns which of Istio's own filters an Envoy lacks that has these
// extensions, in the order of the constants above.
func MissingFilters(extensions []string) []string {
	var missing []string
	for _, f := range istioFilters {
		for _, names := range f.needs {
			if !slices.ContainsFunc(names, func(name string) bool { return slices.Contains(extensions, name) }) {
				missing = append(missing, f.name)
				break
			}
		}
	}
	return missing
}

// ListExtensions is a command line that makes an Envoy print its extensions before
// anything else and then end, with status 1, because it is given no configuration.
// The path is that of Istio's proxy images.
var ListExtensions = []string{"/usr/local/bin/envoy", "--disable-hot-restart", "--log-level", "info", "--log-format", "%v"}

// listHeading is what an Envoy prints before the list of its extensions: each line
// of it is a category and the names in it.
// Source: source/server/server.cc, InstanceBase::initializeOrThrow.
const listHeading = "statically linked extensions:"

// ListedExtensions returns the names of the extensions, sorted, from what an Envoy
// printed that was started as ListExtensions.
func ListedExtensions(printed string) ([]string, error) {
	_, list, found := strings.Cut(printed, listHeading+"\n")
	var names []string
	for line := range strings.Lines(list) {
		category, in, is := strings.Cut(strings.TrimPrefix(line, "  "), ": ")
		if !is || category == line || strings.Contains(category, " ") {
			break
		}
		for name := range strings.SplitSeq(strings.TrimSpace(in), ", ") {
			names = append(names, name)
		}
	}
	if !found || len(names) == 0 {
		return nil, errors.New("it did not list its extensions; the last that it printed: " + lastLine(printed))
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// lastLine is the last line with something on it.
func lastLine(printed string) string {
	lines := strings.Split(strings.TrimSpace(printed), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return last
	}
	return "nothing"
}
