// Package explain follows one request through the configuration that an Envoy has:
// listener, filter chain, policies, route, cluster, endpoints, each with the object that
// istiod made it of, and says where it ends. It reads a config dump and changes nothing.
package explain

import (
	"encoding/json"
	"fmt"
	"strings"
)

// dump is what of an Envoy's config dump matters for a request.
type dump struct {
	listeners []listener
	tables    map[string]table
	clusters  map[string]cluster
	endpoints map[string][]endpoint
}

// metadata names the object of Istio's that a part of the configuration was made of.
type metadata struct {
	Filter struct {
		Istio struct {
			Config string `json:"config"`
		} `json:"istio"`
	} `json:"filter_metadata"`
}

// object is kind namespace/name; empty where Envoy does not know.
func (m metadata) object() string {
	// /apis/networking.istio.io/v1/namespaces/shop/virtual-service/web
	parts := strings.Split(m.Filter.Istio.Config, "/")
	if len(parts) != 8 {
		return m.Filter.Istio.Config
	}
	return parts[6] + " " + parts[5] + "/" + parts[7]
}

type listener struct {
	Name    string `json:"name"`
	Address struct {
		Socket struct {
			Port int `json:"port_value"`
		} `json:"socket_address"`
	} `json:"address"`
	Filters []named `json:"listener_filters"`
	Chains  []chain `json:"filter_chains"`
	Default *chain  `json:"default_filter_chain"`
}

type named struct {
	Name string `json:"name"`
}

type chain struct {
	Match struct {
		ServerNames []string `json:"server_names"`
		Transport   string   `json:"transport_protocol"`
	} `json:"filter_chain_match"`
	Metadata metadata `json:"metadata"`
	Filters  []struct {
		Name   string `json:"name"`
		Config struct {
			RDS struct {
				Name string `json:"route_config_name"`
			} `json:"rds"`
			Routes      *table       `json:"route_config"`
			Cluster     string       `json:"cluster"`
			HTTPFilters []httpFilter `json:"http_filters"`
		} `json:"typed_config"`
	} `json:"filters"`
	Socket struct {
		Config struct {
			Common struct {
				Secrets []named `json:"tls_certificate_sds_secret_configs"`
			} `json:"common_tls_context"`
			Client bool `json:"require_client_certificate"`
		} `json:"typed_config"`
	} `json:"transport_socket"`
}

type httpFilter struct {
	Name   string `json:"name"`
	Config struct {
		Rules *struct {
			Action   string                     `json:"action"`
			Policies map[string]json.RawMessage `json:"policies"`
		} `json:"rules"`
		Providers map[string]struct {
			Issuer string `json:"issuer"`
		} `json:"providers"`
	} `json:"typed_config"`
}

type table struct {
	Name  string `json:"name"`
	Hosts []struct {
		Name    string   `json:"name"`
		Domains []string `json:"domains"`
		TLS     string   `json:"require_tls"`
		Routes  []route  `json:"routes"`
	} `json:"virtual_hosts"`
}

type route struct {
	Name  string `json:"name"`
	Match struct {
		Prefix    string `json:"prefix"`
		Path      string `json:"path"`
		Separated string `json:"path_separated_prefix"`
		Regex     struct {
			Regex string `json:"regex"`
		} `json:"safe_regex"`
		Headers    []json.RawMessage `json:"headers"`
		Parameters []json.RawMessage `json:"query_parameters"`
	} `json:"match"`
	Metadata metadata `json:"metadata"`
	Route    *struct {
		Cluster  string `json:"cluster"`
		Weighted struct {
			Clusters []struct {
				Name   string `json:"name"`
				Weight int    `json:"weight"`
			} `json:"clusters"`
		} `json:"weighted_clusters"`
		Timeout string `json:"timeout"`
	} `json:"route"`
	Redirect *struct {
		HTTPS bool   `json:"https_redirect"`
		Host  string `json:"host_redirect"`
		Path  string `json:"path_redirect"`
	} `json:"redirect"`
	Direct *struct {
		Status int `json:"status"`
	} `json:"direct_response"`
	PerFilter map[string]json.RawMessage `json:"typed_per_filter_config"`
}

type cluster struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Metadata metadata `json:"metadata"`
	Socket   *named   `json:"transport_socket"`
	Matches  []named  `json:"transport_socket_matches"`
}

type endpoint struct{ address, health string }

// parse reads the answer of GET /config_dump?include_eds.
func parse(content []byte) (*dump, error) {
	var file struct {
		Configs []struct {
			Listeners []struct {
				Name   string `json:"name"`
				Active *struct {
					Listener listener `json:"listener"`
				} `json:"active_state"`
			} `json:"dynamic_listeners"`
			Clusters []struct {
				Cluster cluster `json:"cluster"`
			} `json:"dynamic_active_clusters"`
			Static []struct {
				Cluster cluster `json:"cluster"`
			} `json:"static_clusters"`
			Tables []struct {
				Table table `json:"route_config"`
			} `json:"dynamic_route_configs"`
			StaticTables []struct {
				Table table `json:"route_config"`
			} `json:"static_route_configs"`
			Endpoints []struct {
				Config loadAssignment `json:"endpoint_config"`
			} `json:"dynamic_endpoint_configs"`
		} `json:"configs"`
	}
	if err := json.Unmarshal(content, &file); err != nil {
		return nil, fmt.Errorf("envoy's config dump: %w", err)
	}
	d := &dump{tables: map[string]table{}, clusters: map[string]cluster{}, endpoints: map[string][]endpoint{}}
	for _, c := range file.Configs {
		for _, l := range c.Listeners {
			if l.Active != nil {
				d.listeners = append(d.listeners, l.Active.Listener)
			}
		}
		for _, entry := range append(c.Clusters, c.Static...) {
			d.clusters[entry.Cluster.Name] = entry.Cluster
		}
		for _, entry := range append(c.Tables, c.StaticTables...) {
			d.tables[entry.Table.Name] = entry.Table
		}
		for _, e := range c.Endpoints {
			d.endpoints[e.Config.Cluster] = e.Config.all()
		}
	}
	return d, nil
}

type loadAssignment struct {
	Cluster   string `json:"cluster_name"`
	Endpoints []struct {
		Endpoints []struct {
			Endpoint struct {
				Address struct {
					Socket struct {
						Address string `json:"address"`
						Port    int    `json:"port_value"`
					} `json:"socket_address"`
				} `json:"address"`
			} `json:"endpoint"`
			Health string `json:"health_status"`
		} `json:"lb_endpoints"`
	} `json:"endpoints"`
}

func (a loadAssignment) all() []endpoint {
	var found []endpoint
	for _, locality := range a.Endpoints {
		for _, e := range locality.Endpoints {
			s := e.Endpoint.Address.Socket
			found = append(found, endpoint{fmt.Sprintf("%s:%d", s.Address, s.Port), e.Health})
		}
	}
	return found
}
