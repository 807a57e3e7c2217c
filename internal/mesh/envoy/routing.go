package envoy

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Listener is what an Envoy does with the connections to one port.
type Listener struct {
	Name string
	// Port is 0 where the listener has no address of its own.
	Port int
	// ListenerFilters and NetworkFilters are the names of its filters, the latter of
	// all its filter chains.
	ListenerFilters, NetworkFilters []string
	// Warming says that it is not in use yet. Refused is why Envoy did not take its
	// newest version; empty where it took it.
	Warming bool
	Refused string
}

// Reads says whether one of the network filters has a name that ends so, such as
// "http_connection_manager" or "tcp_proxy".
func (l Listener) Reads(filter string) bool { return endsSo(l.NetworkFilters, filter) }

// Expects says whether one of the listener filters has a name that ends so, such as
// "proxy_protocol".
func (l Listener) Expects(filter string) bool { return endsSo(l.ListenerFilters, filter) }

func endsSo(names []string, suffix string) bool {
	for _, name := range names {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

type filterName struct {
	Name string `json:"name"`
}

// listenerState is DynamicListenerState of envoy.admin.v3.
type listenerState struct {
	Listener struct {
		Address struct {
			Socket struct {
				Port int `json:"port_value"`
			} `json:"socket_address"`
		} `json:"address"`
		Filters []filterName `json:"listener_filters"`
		Chains  []struct {
			Filters []filterName `json:"filters"`
		} `json:"filter_chains"`
		Default *struct {
			Filters []filterName `json:"filters"`
		} `json:"default_filter_chain"`
	} `json:"listener"`
}

// ParseListeners reads the answer of GET /config_dump?resource=dynamic_listeners.
func ParseListeners(data []byte) ([]Listener, error) {
	var dump struct {
		Configs []struct {
			Name    string         `json:"name"`
			Active  *listenerState `json:"active_state"`
			Warming *listenerState `json:"warming_state"`
			Error   *struct {
				Details string `json:"details"`
			} `json:"error_state"`
		} `json:"configs"`
	}
	if err := json.Unmarshal(data, &dump); err != nil {
		return nil, fmt.Errorf("envoy's listeners: %w", err)
	}
	var found []Listener
	for _, c := range dump.Configs {
		l := Listener{Name: c.Name}
		state := c.Active
		if state == nil {
			state, l.Warming = c.Warming, c.Warming != nil
		}
		if c.Error != nil {
			l.Refused = c.Error.Details
		}
		if state != nil {
			l.Port = state.Listener.Address.Socket.Port
			for _, f := range state.Listener.Filters {
				l.ListenerFilters = append(l.ListenerFilters, f.Name)
			}
			chains := state.Listener.Chains
			if state.Listener.Default != nil {
				chains = append(chains, *state.Listener.Default)
			}
			for _, chain := range chains {
				for _, f := range chain.Filters {
					l.NetworkFilters = append(l.NetworkFilters, f.Name)
				}
			}
		}
		found = append(found, l)
	}
	return found, nil
}

// VirtualHost is what an Envoy serves for some host names at a listener.
type VirtualHost struct {
	// Table is the name of its route configuration, such as "http.80".
	Table string
	// Domains are host names, such as "app.test", "app.test:*", "*.test" and "*".
	Domains []string
}

// ParseVirtualHosts reads the answer of GET /config_dump?resource=dynamic_route_configs.
func ParseVirtualHosts(data []byte) ([]VirtualHost, error) {
	var dump struct {
		Configs []struct {
			Table struct {
				Name  string `json:"name"`
				Hosts []struct {
					Domains []string `json:"domains"`
				} `json:"virtual_hosts"`
			} `json:"route_config"`
		} `json:"configs"`
	}
	if err := json.Unmarshal(data, &dump); err != nil {
		return nil, fmt.Errorf("envoy's routes: %w", err)
	}
	var found []VirtualHost
	for _, c := range dump.Configs {
		for _, h := range c.Table.Hosts {
			found = append(found, VirtualHost{c.Table.Name, h.Domains})
		}
	}
	return found, nil
}

// Serving returns the domain by which Envoy serves a host, the longest that fits, or
// "" where it has none: see "domains" in
// https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto
func Serving(hosts []VirtualHost, host string) (domain string) {
	for _, h := range hosts {
		for _, d := range h.Domains {
			plain := strings.TrimSuffix(d, ":*")
			suffix, wild := strings.CutPrefix(plain, "*")
			if plain != host && (!wild || len(host) <= len(suffix) || !strings.HasSuffix(host, suffix)) {
				continue
			}
			if domain == "" || len(plain) > len(domain) {
				domain = plain
			}
		}
	}
	return domain
}
