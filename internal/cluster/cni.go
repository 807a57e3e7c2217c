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

// nodeRoute is how the pods of a node are reached from the others in one family.
type nodeRoute struct {
	node    string
	podCIDR netip.Prefix
	address netip.Addr
}

func (r *nodeRoute) family() family { return familyOf(r.podCIDR.Addr()) }

// connectNodes keeps in the cluster what is meant for it, and gives the nodes a pod
// network where the node image has none, in each family that the cluster has. It can be
// repeated.
func (c *Cluster) connectNodes(ctx context.Context, network v1alpha4.Networking) error {
	wait, cancel := context.WithTimeout(ctx, podCIDRTime)
	defer cancel()
	families := familiesOf(network)
	routes := make([][]nodeRoute, len(families)) // by family, each by node
	err := await(wait, nodeWatch(c.Kube), &corev1.Node{}, func(nodes []*corev1.Node) (missing string) {
		for i, f := range families {
			if routes[i], missing = routesOf(nodes, len(c.nodes), f); missing != "" {
				return missing
			}
		}
		return ""
	})
	if err != nil {
		return fmt.Errorf("pod network: %w", err)
	}
	return onEach(routes[0], func(node nodeRoute) error {
		var script strings.Builder
		script.WriteString("set -eu\n")
		var own []nodeRoute // of this node, by family
		for _, all := range routes {
			i := slices.IndexFunc(all, func(r nodeRoute) bool { return r.node == node.node })
			own = append(own, all[i])
			script.WriteString(confinement(all[i], network))
			if network.DisableDefaultCNI {
				script.WriteString(podRoutes(all[i], all, serviceSubnet(network, all[i].family())))
			}
		}
		if network.DisableDefaultCNI {
			config, err := cniConfig(own)
			if err != nil {
				return err
			}
			// Last: the runtime makes pods as soon as it is there.
			script.WriteString(config)
		}
		if _, err := c.Exec(ctx, node.node, script.String()); err != nil {
			return fmt.Errorf("pod network: %w", err)
		}
		return nil
	})
}

// routesOf returns the route of each node in a family, sorted by name, and what is missing
// until all of want nodes have a pod range and an address of it.
func routesOf(nodes []*corev1.Node, want int, f family) (routes []nodeRoute, missing string) {
	if len(nodes) < want {
		return nil, fmt.Sprintf("%d of %d nodes have joined", len(nodes), want)
	}
	for _, node := range nodes {
		route := nodeRoute{node: node.Name}
		for _, cidr := range append([]string{node.Spec.PodCIDR}, node.Spec.PodCIDRs...) {
			if p, err := netip.ParsePrefix(cidr); err == nil && familyOf(p.Addr()) == f {
				route.podCIDR = p
			}
		}
		for _, a := range node.Status.Addresses {
			if ip, err := netip.ParseAddr(a.Address); err == nil && familyOf(ip) == f && a.Type == corev1.NodeInternalIP {
				route.address = ip
			}
		}
		if !route.podCIDR.IsValid() {
			return nil, fmt.Sprintf("node %s has no %s spec.podCIDR", node.Name, f)
		}
		if !route.address.IsValid() {
			return nil, fmt.Sprintf("node %s has no %s InternalIP", node.Name, f)
		}
		routes = append(routes, route)
	}
	slices.SortFunc(routes, func(a, b nodeRoute) int { return strings.Compare(a.node, b.node) })
	return routes, ""
}

// cniConfig is the part of a node's script that writes the CNI configuration: the standard
// ptp and portmap plugins with the node's own pod ranges. A file that is there stays, since
// a chained CNI plugin such as Istio's edits it in place.
func cniConfig(own []nodeRoute) (string, error) {
	list, err := conflist(own)
	if err != nil {
		return "", err
	}
	// Renamed into place: the runtime reads the directory whenever it changes.
	return fmt.Sprintf("mkdir -p /etc/cni/net.d\nif [ ! -e %[1]s ]; then\n  printf '%%s\\n' '%[2]s' >%[1]s.new\n  mv %[1]s.new %[1]s\nfi\n", conflistPath, list), nil
}

// podRoutes is the part of a node's script by which its pods reach others: a route to the
// pod range of each other node. Pods reach pods and nodes by their own address, and
// everything else, such as the engine's name server, by their node's.
func podRoutes(own nodeRoute, all []nodeRoute, services string) string {
	var b strings.Builder
	for _, other := range all {
		if other.node != own.node {
			fmt.Fprintf(&b, "%s route replace %s via %s\n", own.family().ip(), other.podCIDR, other.address)
		}
	}
	b.WriteString(masquerade(own, all, services))
	return b.String()
}

// masqueradeChain holds the rules by which pods reach what has no route to them.
const masqueradeChain = "ISTIO-CONFORMANCE-MASQ"

// masquerade is the part of the script that gives what a node's pods send out of the
// cluster the node's address: nobody beyond it has a route to theirs. A virtual IP that
// kube-proxy does not know is in the cluster; see confinement.
func masquerade(own nodeRoute, all []nodeRoute, services string) string {
	var b strings.Builder
	tables := own.family().iptables()
	fmt.Fprintf(&b, "%[1]s -w -t nat -N %[2]s 2>/dev/null || %[1]s -w -t nat -F %[2]s\n", tables, masqueradeChain)
	for _, r := range all {
		fmt.Fprintf(&b, "%s -w -t nat -A %s -d %s -j RETURN\n", tables, masqueradeChain, r.podCIDR)
		fmt.Fprintf(&b, "%s -w -t nat -A %s -d %s -j RETURN\n", tables, masqueradeChain, r.address)
	}
	fmt.Fprintf(&b, "%s -w -t nat -A %s -d %s -j RETURN\n", tables, masqueradeChain, services)
	fmt.Fprintf(&b, "%s -w -t nat -A %s -j MASQUERADE\n", tables, masqueradeChain)
	rule := fmt.Sprintf("POSTROUTING -s %s -j %s", own.podCIDR, masqueradeChain)
	fmt.Fprintf(&b, "%[1]s -w -t nat -C %[2]s 2>/dev/null || %[1]s -w -t nat -A %[2]s\n", tables, rule)
	return b.String()
}

// conflist returns the CNI configuration of a node with those pod ranges. The
// version is kindnet's, which every runtime and chained plugin understands.
func conflist(own []nodeRoute) (string, error) {
	type object = map[string]any
	var ranges [][]object
	var routes []object
	for _, r := range own {
		ranges = append(ranges, []object{{"subnet": r.podCIDR.String()}})
		routes = append(routes, object{"dst": r.family().anywhere()})
	}
	list, err := json.Marshal(object{
		"cniVersion": "0.3.1",
		"name":       "istio-conformance",
		"plugins": []object{
			{
				"type":   "ptp",
				"ipMasq": false, // a pod must see another pod's own address
				"ipam":   object{"type": "host-local", "ranges": ranges, "routes": routes},
			},
			{"type": "portmap", "capabilities": object{"portMappings": true}},
		},
	})
	if err != nil {
		return "", fmt.Errorf("encode the CNI configuration: %w", err)
	}
	return string(list), nil
}
