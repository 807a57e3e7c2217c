// Package envoy reads what Envoy's admin interface and access log say.
package envoy

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// Cluster is one upstream of an Envoy, with the hosts it balances over.
type Cluster struct {
	// Name is as in the configuration; Istio's are
	// "outbound|<port>|<subset>|<host name>".
	Name  string
	Hosts []Host
}

// Host is one endpoint of a cluster.
type Host struct {
	// Address is an IP address, or the path of a Unix socket; then Port is 0.
	Address string
	Port    int
	// Weight is the share of the host in load balancing.
	Weight int
	// Unhealthy holds the health flags against the host, sorted, such as
	// failed_outlier_check and, for what the control plane says of it,
	// eds_unhealthy. Empty means that Envoy takes it for healthy.
	Unhealthy []string
	// Stats are the host's counters and gauges, such as rq_total and cx_active.
	Stats map[string]uint64
}

// String is "<address>:<port>", or the path of a Unix socket.
func (h Host) String() string {
	if h.Port == 0 {
		return h.Address
	}
	return net.JoinHostPort(h.Address, strconv.Itoa(h.Port))
}

// clustersAnswer is envoy.admin.v3.Clusters. A zero is left out of the JSON.
type clustersAnswer struct {
	Clusters []struct {
		Name  string       `json:"name"`
		Hosts []hostStatus `json:"host_statuses"`
	} `json:"cluster_statuses"`
}

type hostStatus struct {
	Address struct {
		Socket struct {
			Address string `json:"address"`
			Port    int    `json:"port_value"`
		} `json:"socket_address"`
		Pipe struct {
			Path string `json:"path"`
		} `json:"pipe"`
		Internal struct {
			Listener string `json:"server_listener_name"`
		} `json:"envoy_internal_address"`
	} `json:"address"`
	Weight int            `json:"weight"`
	Health map[string]any `json:"health_status"`
	Stats  []struct {
		Name  string `json:"name"`
		Value uint64 `json:"value,string"`
	} `json:"stats"`
}

// ParseClusters reads the answer of GET /clusters?format=json.
func ParseClusters(data []byte) ([]Cluster, error) {
	var answer clustersAnswer
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, fmt.Errorf("envoy's /clusters?format=json: %w", err)
	}
	clusters := make([]Cluster, 0, len(answer.Clusters))
	for _, c := range answer.Clusters {
		cluster := Cluster{Name: c.Name}
		for i := range c.Hosts {
			cluster.Hosts = append(cluster.Hosts, c.Hosts[i].host())
		}
		clusters = append(clusters, cluster)
	}
	return clusters, nil
}

func (s *hostStatus) host() Host {
	h := Host{
		Address: s.Address.Socket.Address, Port: s.Address.Socket.Port,
		Weight: s.Weight, Unhealthy: unhealthy(s.Health), Stats: map[string]uint64{},
	}
	if h.Address == "" {
		// At most one of the two is set.
		h.Address = s.Address.Pipe.Path + s.Address.Internal.Listener
	}
	for _, stat := range s.Stats {
		h.Stats[stat.Name] = stat.Value
	}
	return h
}

// unhealthy flattens envoy.admin.v3.HostHealthStatus: booleans for what Envoy
// found out itself, and a word for what the control plane says.
func unhealthy(health map[string]any) []string {
	var flags []string
	for name, value := range health {
		switch value := value.(type) {
		case bool:
			if value {
				flags = append(flags, name)
			}
		case string:
			if name == "eds_health_status" && value != "HEALTHY" && value != "UNKNOWN" {
				flags = append(flags, "eds_"+strings.ToLower(value))
			}
		}
	}
	slices.Sort(flags)
	return flags
}

// SameCluster says whether two names mean one cluster. Istio ends a cluster's
// name in statistics and access logs with a ";", so that its dots are not taken
// for separators; elsewhere the name has none.
func SameCluster(a, b string) bool {
	return strings.TrimSuffix(a, ";") == strings.TrimSuffix(b, ";")
}

// Endpoints returns the hosts of a cluster, and false if there is no such cluster.
func Endpoints(clusters []Cluster, name string) ([]Host, bool) {
	i := slices.IndexFunc(clusters, func(c Cluster) bool { return SameCluster(c.Name, name) })
	if i < 0 {
		return nil, false
	}
	return clusters[i].Hosts, true
}

// Addresses returns the "<address>:<port>" of a cluster's hosts, sorted; none if
// there is no such cluster.
func Addresses(clusters []Cluster, name string) []string {
	hosts, _ := Endpoints(clusters, name)
	var addresses []string
	for i := range hosts {
		addresses = append(addresses, hosts[i].String())
	}
	slices.Sort(addresses)
	return addresses
}
