package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
)

// podCIDRTime bounds the wait for the controller manager to give each node its
// range of pod addresses, which can be after kind has returned.
const podCIDRTime = 2 * time.Minute

// conflistPath is the CNI configuration of a node. The name sorts it first.
const conflistPath = "/etc/cni/net.d/10-istio-conformance.conflist"

// nodeRoute is how the pods of a node are reached from the others.
type nodeRoute struct {
	node    string
	podCIDR netip.Prefix
	address netip.Addr
}

// connectNodes keeps in the cluster what is meant for it, and gives the nodes a pod
// network where the node image has none. IPv4 only. It can be repeated.
func (c *Cluster) connectNodes(ctx context.Context, network v1alpha4.Networking) error {
	if network.IPFamily == v1alpha4.IPv6Family {
		return nil // Only with kindnet, which is there already.
	}
	wait, cancel := context.WithTimeout(ctx, podCIDRTime)
	defer cancel()
	var routes []nodeRoute
	err := await(wait, nodeWatch(c.Kube), &corev1.Node{}, func(nodes []*corev1.Node) (missing string) {
		routes, missing = routesOf(nodes, len(c.nodes))
		return missing
	})
	if err != nil {
		return fmt.Errorf("pod network: %w", err)
	}
	return onEach(routes, func(own nodeRoute) error {
		script := "set -eu\n" + confinement(own, network)
		if network.DisableDefaultCNI {
			cni, err := cniScript(own, routes, serviceSubnet(network))
			if err != nil {
				return err
			}
			script += cni
		}
		if _, err := c.Exec(ctx, own.node, script); err != nil {
			return fmt.Errorf("pod network: %w", err)
		}
		return nil
	})
}

// routesOf returns the route of each node, sorted by name, and what is missing
// until all of want nodes have an IPv4 pod range and address.
func routesOf(nodes []*corev1.Node, want int) (routes []nodeRoute, missing string) {
	if len(nodes) < want {
		return nil, fmt.Sprintf("%d of %d nodes have joined", len(nodes), want)
	}
	for _, node := range nodes {
		route := nodeRoute{node: node.Name}
		for _, cidr := range append([]string{node.Spec.PodCIDR}, node.Spec.PodCIDRs...) {
			if p, err := netip.ParsePrefix(cidr); err == nil && p.Addr().Is4() {
				route.podCIDR = p
			}
		}
		for _, a := range node.Status.Addresses {
			if ip, err := netip.ParseAddr(a.Address); err == nil && ip.Is4() && a.Type == corev1.NodeInternalIP {
				route.address = ip
			}
		}
		if !route.podCIDR.IsValid() {
			return nil, fmt.Sprintf("node %s has no IPv4 spec.podCIDR", node.Name)
		}
		if !route.address.IsValid() {
			return nil, fmt.Sprintf("node %s has no IPv4 InternalIP", node.Name)
		}
		routes = append(routes, route)
	}
	slices.SortFunc(routes, func(a, b nodeRoute) int { return strings.Compare(a.node, b.node) })
	return routes, ""
}

// cniScript is the part of a node's script that sets up the pod network: the standard
// ptp and portmap plugins with the node's own pod range, and a route to the pod range
// of each other node. Pods reach pods and nodes by their own address, and everything
// else, such as the engine's name server, by their node's. A file that is there stays,
// since a chained CNI plugin such as Istio's edits it in place.
func cniScript(own nodeRoute, all []nodeRoute, services string) (string, error) {
	list, err := conflist(own.podCIDR)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("mkdir -p /etc/cni/net.d\n")
	// Renamed into place: the runtime reads the directory whenever it changes.
	fmt.Fprintf(&b, "if [ ! -e %[1]s ]; then\n  printf '%%s\\n' '%[2]s' >%[1]s.new\n  mv %[1]s.new %[1]s\nfi\n", conflistPath, list)
	for _, other := range all {
		if other.node != own.node {
			fmt.Fprintf(&b, "ip route replace %s via %s\n", other.podCIDR, other.address)
		}
	}
	b.WriteString(masquerade(own, all, services))
	return b.String(), nil
}

// defaultServiceSubnet is kind's where the configuration names none.
// Source: sigs.k8s.io/kind pkg/internal/apis/config/default.go.
const defaultServiceSubnet = "10.96.0.0/16"

// serviceSubnet is the IPv4 range of virtual IPs; a cluster with both families names two.
func serviceSubnet(network v1alpha4.Networking) string {
	for cidr := range strings.SplitSeq(network.ServiceSubnet, ",") {
		if p, err := netip.ParsePrefix(strings.TrimSpace(cidr)); err == nil && p.Addr().Is4() {
			return p.String()
		}
	}
	return defaultServiceSubnet
}

// masqueradeChain holds the rules by which pods reach what has no route to them.
const masqueradeChain = "ISTIO-CONFORMANCE-MASQ"

// masquerade is the part of the script that gives what a node's pods send out of the
// cluster the node's address: nobody beyond it has a route to theirs. A virtual IP that
// kube-proxy does not know is in the cluster; see confinement.
func masquerade(own nodeRoute, all []nodeRoute, services string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "iptables -w -t nat -N %[1]s 2>/dev/null || iptables -w -t nat -F %[1]s\n", masqueradeChain)
	for _, r := range all {
		fmt.Fprintf(&b, "iptables -w -t nat -A %s -d %s -j RETURN\n", masqueradeChain, r.podCIDR)
		fmt.Fprintf(&b, "iptables -w -t nat -A %s -d %s -j RETURN\n", masqueradeChain, r.address)
	}
	fmt.Fprintf(&b, "iptables -w -t nat -A %s -d %s -j RETURN\n", masqueradeChain, services)
	fmt.Fprintf(&b, "iptables -w -t nat -A %s -j MASQUERADE\n", masqueradeChain)
	rule := fmt.Sprintf("POSTROUTING -s %s -j %s", own.podCIDR, masqueradeChain)
	fmt.Fprintf(&b, "iptables -w -t nat -C %[1]s 2>/dev/null || iptables -w -t nat -A %[1]s\n", rule)
	return b.String()
}

// conflist returns the CNI configuration of a node with that pod range. The
// version is kindnet's, which every runtime and chained plugin understands.
func conflist(podCIDR netip.Prefix) (string, error) {
	type object = map[string]any
	list, err := json.Marshal(object{
		"cniVersion": "0.3.1",
		"name":       "istio-conformance",
		"plugins": []object{
			{
				"type":   "ptp",
				"ipMasq": false, // a pod must see another pod's own address
				"ipam": object{
					"type":   "host-local",
					"ranges": [][]object{{{"subnet": podCIDR.String()}}},
					"routes": []object{{"dst": "0.0.0.0/0"}},
				},
			},
			{"type": "portmap", "capabilities": object{"portMappings": true}},
		},
	})
	if err != nil {
		return "", fmt.Errorf("encode the CNI configuration: %w", err)
	}
	return string(list), nil
}
