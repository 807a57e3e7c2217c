package envoy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// bootstrapDump is the entry of the config dump that tells of the process
// itself: envoy.admin.v3.BootstrapConfigDump.
const bootstrapDump = "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump"

// Extensions returns the names of the extensions that are compiled into an
// Envoy, sorted, from the answer of GET /config_dump. An Envoy lists them in its
// bootstrap's node, whether or not its configuration uses them.
func Extensions(configDump []byte) ([]string, error) {
	var dump struct {
		Configs []struct {
			Type      string `json:"@type"`
			Bootstrap struct {
				Node struct {
					Extensions []struct {
						Name string `json:"name"`
					} `json:"extensions"`
				} `json:"node"`
			} `json:"bootstrap"`
		} `json:"configs"`
	}
	if err := json.Unmarshal(configDump, &dump); err != nil {
		return nil, fmt.Errorf("envoy's /config_dump: %w", err)
	}
	var names []string
	for _, c := range dump.Configs {
		if c.Type != bootstrapDump {
			continue
		}
		for _, e := range c.Bootstrap.Node.Extensions {
			names = append(names, e.Name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("envoy's /config_dump: no %s that lists extensions", bootstrapDump)
	}
	slices.Sort(names)
	// One name may be registered in several categories.
	return slices.Compact(names), nil
}

// istioFilters are the names under which Istio's own filters are registered, one
// row a filter; the second is what a later build calls it.
var istioFilters = [][]string{
	{"envoy.filters.http.istio_stats"},
	{"envoy.filters.network.metadata_exchange"},
	{"istio.alpn", "envoy.filters.http.alpn"},
}

// HasIstioFilters says whether Envoy carries all of Istio's own filters for
// metrics, metadata exchange and ALPN. Without them istiod must be told not to
// configure them, and istio_requests_total does not exist.
func HasIstioFilters(extensions []string) bool {
	for _, names := range istioFilters {
		if !slices.ContainsFunc(names, func(name string) bool { return slices.Contains(extensions, name) }) {
			return false
		}
	}
	return true
}

// peerMetadata is the filter of Istio's own that istiod configures wherever an Envoy
// listens for HBONE: buildConnectTerminateListener in its
// pilot/pkg/networking/core/listener_waypoint.go.
const peerMetadata = "envoy.filters.http.peer_metadata"

// ListensForHBONE says whether Envoy takes the listeners for HBONE, the ambient
// mode's tunnels, that istiod configures for waypoints and sidecars. An Envoy
// without Istio's filter in it refuses them. To send by HBONE, as a gateway does,
// Envoy's own filters are enough.
func ListensForHBONE(extensions []string) bool { return slices.Contains(extensions, peerMetadata) }

// ServerVersion returns Envoy's version, such as "1.40.0", from the answer of
// GET /server_info. There it is the second of five parts: the commit, the
// version, the state of the sources, the kind of build, the TLS library.
func ServerVersion(serverInfo []byte) (string, error) {
	var info struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(serverInfo, &info); err != nil {
		return "", fmt.Errorf("envoy's /server_info: %w", err)
	}
	parts := strings.Split(info.Version, "/")
	if len(parts) < 2 || parts[1] == "" {
		return "", fmt.Errorf("envoy's /server_info: version %q is not of the form <commit>/<version>/<more>", info.Version)
	}
	return parts[1], nil
}
