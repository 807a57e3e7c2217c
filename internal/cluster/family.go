package cluster

import (
	"net/netip"
	"slices"
	"strings"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
)

// family is a version of the Internet protocol.
type family int

const (
	ipv4 family = 4
	ipv6 family = 6
)

func familyOf(a netip.Addr) family {
	if a.Is4() {
		return ipv4
	}
	return ipv6
}

// familiesOf returns those that a cluster's pods have.
func familiesOf(network v1alpha4.Networking) []family {
	switch network.IPFamily {
	case v1alpha4.IPv6Family:
		return []family{ipv6}
	case v1alpha4.DualStackFamily:
		return []family{ipv4, ipv6}
	}
	return []family{ipv4}
}

// NeedsIPv6 says whether a cluster's pods have IPv6 addresses, alone or beside others.
func NeedsIPv6(cfg *v1alpha4.Cluster) bool {
	return cfg != nil && slices.Contains(familiesOf(cfg.Networking), ipv6)
}

// DualStack says whether a cluster's pods have addresses of both families.
func DualStack(cfg *v1alpha4.Cluster) bool {
	return cfg != nil && len(familiesOf(cfg.Networking)) > 1
}

func (f family) String() string {
	if f == ipv6 {
		return "IPv6"
	}
	return "IPv4"
}

// ip is the program that changes routes, with its option.
func (f family) ip() string {
	if f == ipv6 {
		return "ip -6"
	}
	return "ip"
}

// iptables is the program that changes rules.
func (f family) iptables() string {
	if f == ipv6 {
		return "ip6tables"
	}
	return "iptables"
}

// anywhere is the range of all addresses.
func (f family) anywhere() string {
	if f == ipv6 {
		return "::/0"
	}
	return "0.0.0.0/0"
}

// The ranges of virtual IPs where the configuration names none.
// Source: sigs.k8s.io/kind pkg/internal/apis/config/default.go.
const (
	defaultServiceSubnet  = "10.96.0.0/16"
	defaultServiceSubnet6 = "fd00:10:96::/112"
)

// serviceSubnet is the range of virtual IPs of a family; a cluster with both names two.
func serviceSubnet(network v1alpha4.Networking, f family) string {
	for cidr := range strings.SplitSeq(network.ServiceSubnet, ",") {
		if p, err := netip.ParsePrefix(strings.TrimSpace(cidr)); err == nil && familyOf(p.Addr()) == f {
			return p.String()
		}
	}
	if f == ipv6 {
		return defaultServiceSubnet6
	}
	return defaultServiceSubnet
}

// familyNames names a cluster's families for a note.
func familyNames(network v1alpha4.Networking) string {
	var all []string
	for _, f := range familiesOf(network) {
		all = append(all, f.String())
	}
	return strings.Join(all, " and ")
}
