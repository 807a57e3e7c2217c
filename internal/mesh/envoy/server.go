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
