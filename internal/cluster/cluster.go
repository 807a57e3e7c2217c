// Package cluster makes, finds and removes the clusters under test, and reaches
// into them: kind as a library for clusters of our own, or a cluster that is
// already there.
package cluster

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"istio-conformance/internal/machine/engine"
)

// Cluster is a running cluster: one that Create made or Open found again, or
// one that Existing was pointed at.
type Cluster struct {
	*Clients
	// Name is kind's name of the cluster, or the kubeconfig context of an
	// existing one.
	Name string
	// Kubeconfig is the path of the kubeconfig file.
	Kubeconfig string

	engine *engine.Engine // nil for an existing cluster
	nodes  []container    // empty for an existing cluster
}

// Node is one node of a cluster of ours. Its name is that of the Kubernetes
// Node and that of the container.
type Node struct {
	Name string
	// Role is control-plane or worker.
	Role string
}

// Nodes returns the nodes sorted by name. It is empty for an existing cluster,
// whose nodes cannot be entered.
func (c *Cluster) Nodes() []Node {
	nodes := make([]Node, 0, len(c.nodes))
	for i := range c.nodes {
		nodes = append(nodes, Node{Name: c.nodes[i].Name, Role: c.nodes[i].role()})
	}
	return nodes
}

// Owned says whether the harness made the cluster, and so may enter its nodes
// and delete it.
func (c *Cluster) Owned() bool { return len(c.nodes) > 0 }

// PortFor returns where on this machine a node port of a node is reached: a loopback
// address and a port.
func (c *Cluster) PortFor(nodePort int32, node string) (netip.AddrPort, error) {
	n, err := c.node(node)
	if err != nil {
		return netip.AddrPort{}, err
	}
	bindings := n.NetworkSettings.Ports[fmt.Sprintf("%d/tcp", nodePort)]
	if len(bindings) == 0 {
		return netip.AddrPort{}, fmt.Errorf("node %s: no host port leads to node port %d; map it in kind-config.yaml", node, nodePort)
	}
	at, err := netip.ParseAddrPort(net.JoinHostPort(bindings[0].HostIP, bindings[0].HostPort))
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("node %s: host port of node port %d: %w", node, nodePort, err)
	}
	return at, nil
}

func (c *Cluster) node(name string) (*container, error) {
	i := slices.IndexFunc(c.nodes, func(n container) bool { return n.Name == name })
	if i >= 0 {
		return &c.nodes[i], nil
	}
	if !c.Owned() {
		return nil, fmt.Errorf("node %s: the nodes of an existing cluster (%s) cannot be entered", name, c.Name)
	}
	known := make([]string, 0, len(c.nodes))
	for _, n := range c.nodes {
		known = append(known, n.Name)
	}
	return nil, fmt.Errorf("node %s: not in cluster %s, which has %s", name, c.Name, strings.Join(known, ", "))
}
