package cluster

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
)

// Config is the shape of a cluster, from a kind configuration file.
type Config struct {
	Cluster *v1alpha4.Cluster
	// NodeImage is the image that the file's nodes name; empty if they name none.
	NodeImage string
	// Notes says, a line each, what of the file was replaced or added, and why.
	Notes []string
}

// normalize applies kind's defaults, and replaces what the harness decides itself.
func normalize(cfg *v1alpha4.Cluster, nodePorts []int32) *Config {
	c := &Config{Cluster: cfg}
	if cfg.Name != "" {
		c.note("name: %q is not used: a cluster is named by NAME, so that the harness finds what it made", cfg.Name)
		cfg.Name = ""
	}
	if a := cfg.Networking.APIServerAddress; a != "" && a != c.loopback() {
		c.note("networking.apiServerAddress: %s instead of %s: nothing may listen beyond this machine", c.loopback(), a)
		cfg.Networking.APIServerAddress = c.loopback()
	}
	if len(cfg.Nodes) == 0 {
		cfg.Nodes = []v1alpha4.Node{{Role: v1alpha4.ControlPlaneRole}} // kind's default
	}
	c.NodeImage = cfg.Nodes[0].Image
	for i := range cfg.Nodes {
		cfg.Nodes[i].Image = ""
	}
	c.closeMappings()
	c.addMappings(nodePorts)
	return c
}

// loopback is the address of this machine on which the cluster's ports listen.
func (c *Config) loopback() string {
	if c.Cluster.Networking.IPFamily == v1alpha4.IPv6Family {
		return loopback6
	}
	return loopback
}

// closeMappings lets every mapped port listen on this machine only.
func (c *Config) closeMappings() {
	var closed []string
	for i := range c.Cluster.Nodes {
		mappings := c.Cluster.Nodes[i].ExtraPortMappings
		for j := range mappings {
			m := &mappings[j]
			m.HostPort = max(m.HostPort, 0) // -1 and 0 both mean any free port
			if m.ListenAddress != c.loopback() {
				m.ListenAddress = c.loopback()
				closed = append(closed, fmt.Sprintf("nodes[%d].extraPortMappings[%d]", i, j))
			}
		}
	}
	if len(closed) > 0 {
		c.note("%s: listenAddress %s: nothing may listen beyond this machine", strings.Join(closed, ", "), c.loopback())
	}
}

// addMappings leads a free port of this machine to each node port of each node that
// has no mapping of its own.
func (c *Config) addMappings(nodePorts []int32) {
	var added []string
	for i := range c.Cluster.Nodes {
		node := &c.Cluster.Nodes[i]
		var missing []string
		for _, port := range nodePorts {
			if slices.ContainsFunc(node.ExtraPortMappings, func(m v1alpha4.PortMapping) bool {
				return m.ContainerPort == port && protocol(&m) == v1alpha4.PortMappingProtocolTCP
			}) {
				continue
			}
			node.ExtraPortMappings = append(node.ExtraPortMappings, v1alpha4.PortMapping{
				ContainerPort: port, ListenAddress: c.loopback(), Protocol: v1alpha4.PortMappingProtocolTCP,
			})
			missing = append(missing, fmt.Sprint(port))
		}
		if len(missing) > 0 {
			added = append(added, fmt.Sprintf("nodes[%d] %s", i, strings.Join(missing, " ")))
		}
	}
	if len(added) > 0 {
		c.note("extraPortMappings added, on free ports of %s: %s: traffic reaches the gateway by these node ports", c.loopback(), strings.Join(added, ", "))
	}
}

func (c *Config) note(format string, args ...any) {
	c.Notes = append(c.Notes, fmt.Sprintf(format, args...))
}
