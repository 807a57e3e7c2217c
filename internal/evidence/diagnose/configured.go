package diagnose

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"istio-conformance/internal/mesh/envoy"
)

// configured is what a proxy's configuration has by name.
type configured struct {
	clusters map[string]bool
	domains  map[string]bool
	// healthy are the clusters that have an endpoint which is used.
	healthy map[string]bool
}

// configured reads which clusters and hosts a proxy has now; nil where it was not asked.
func (w *world) configured(namespace, name string) *configured {
	if known, read := w.dumps[id(namespace, name)]; read {
		return known
	}
	if w.dumps == nil {
		w.dumps = map[string]*configured{}
	}
	w.dumps[id(namespace, name)] = nil
	content, err := fs.ReadFile(w.files, path.Join("proxies", namespace, name, "config_dump.json"))
	if err != nil {
		return nil // the folder's index says why
	}
	var dump struct {
		Configs []map[string]any `json:"configs"`
	}
	if err := json.Unmarshal(content, &dump); err != nil {
		return nil // observeDump notes it
	}
	c := &configured{clusters: map[string]bool{}, domains: map[string]bool{}, healthy: w.healthy(path.Join("proxies", namespace, name, "clusters.json"))}
	for _, section := range dump.Configs {
		for _, key := range []string{"static_clusters", "dynamic_active_clusters", "dynamic_warming_clusters"} {
			for _, entry := range list(section, key) {
				c.clusters[str(entry, "cluster", "name")] = true
			}
		}
		// The static ones are of the proxy's own ports.
		for _, entry := range list(section, "dynamic_route_configs") {
			for _, host := range list(entry, "route_config", "virtual_hosts") {
				if strings.HasPrefix(str(host, "name"), "blackhole") {
					continue // istiod's answer to all that nobody has
				}
				for _, domain := range texts(host, "domains") {
					c.domains[domain] = true
				}
			}
		}
	}
	if len(c.clusters) > 0 {
		w.dumps[id(namespace, name)] = c
	}
	return w.dumps[id(namespace, name)]
}

// healthy are the clusters of a proxy that have an endpoint which is used.
func (w *world) healthy(file string) map[string]bool {
	found := map[string]bool{}
	content, err := fs.ReadFile(w.files, file)
	if err != nil {
		return found
	}
	clusters, err := envoy.ParseClusters(content)
	if err != nil {
		return found // observeUpstreams notes it
	}
	for _, c := range clusters {
		found[c.Name] = slices.ContainsFunc(c.Hosts, func(h envoy.Host) bool { return len(h.Unhealthy) == 0 })
	}
	return found
}

// serves says whether one of the virtual hosts takes a host; the one that answers 404
// for all that nobody has is left out.
func (c *configured) serves(host string) bool {
	for domain := range c.domains {
		domain, _, _ := strings.Cut(domain, ":")
		if domain == host || strings.HasPrefix(domain, "*.") && strings.HasSuffix(host, domain[1:]) {
			return true
		}
	}
	return c.domains["*"]
}

// observeListeners makes a record of each listener of a gateway that reads something
// before HTTP or TLS, such as the header of the PROXY protocol.
func (w *world) observeListeners(file string, owner []string) {
	if owner[5] != "gateway" {
		return
	}
	content, err := fs.ReadFile(w.files, file)
	if err != nil {
		return
	}
	var dump struct {
		Configs []struct {
			Type      string            `json:"@type"`
			Listeners []json.RawMessage `json:"dynamic_listeners"`
		} `json:"configs"`
	}
	if err := json.Unmarshal(content, &dump); err != nil {
		return // observeDump notes it
	}
	for _, section := range dump.Configs {
		if len(section.Listeners) == 0 {
			continue
		}
		configs, err := json.Marshal(map[string]any{"configs": section.Listeners})
		if err != nil {
			continue // it was parsed a moment ago
		}
		listeners, err := envoy.ParseListeners(configs)
		if err != nil {
			w.Missing = append(w.Missing, fmt.Sprintf("%s: %v", file, err))
			continue
		}
		for _, l := range listeners {
			w.add("listener", file, fmt.Sprintf("%s: listener %s, port %d, listener filters %v", owner[1], l.Name, l.Port, l.ListenerFilters),
				append([]string{"name", l.Name, "port", strconv.Itoa(l.Port), "proxyProtocol", yes(l.Expects("proxy_protocol"))}, owner...)...)
		}
	}
}

// observeUpstreams makes a record of each cluster of which outlier detection ejected
// endpoints.
func (w *world) observeUpstreams(file string, owner []string) {
	content, err := fs.ReadFile(w.files, file)
	if err != nil {
		return
	}
	clusters, err := envoy.ParseClusters(content)
	if err != nil {
		w.Missing = append(w.Missing, fmt.Sprintf("%s: %v", file, err))
		return
	}
	for _, c := range clusters {
		ejected := 0
		for _, h := range c.Hosts {
			for _, flag := range h.Unhealthy {
				if flag == "failed_outlier_check" {
					ejected++
				}
			}
		}
		if ejected == 0 {
			continue
		}
		state := "some"
		if ejected == len(c.Hosts) {
			state = "all"
		}
		w.add("upstream", file, fmt.Sprintf("%s: cluster %s: outlier detection ejected %d of %d endpoints", owner[1], c.Name, ejected, len(c.Hosts)),
			append([]string{"cluster", c.Name, "endpoints", strconv.Itoa(len(c.Hosts)), "ejected", state}, owner...)...)
	}
}
