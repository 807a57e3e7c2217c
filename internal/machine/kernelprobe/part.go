package kernelprobe

import (
	"slices"
	"strings"

	"istio-conformance/internal/process/exitcode"
)

// Part is a part of a deployment of Istio that may break alone.
type Part string

// The parts. A gateway's pod writes no iptables rules, a sidecar's does.
const (
	Node     Part = "node"     // container runtime, kubelet and kube-proxy
	Sidecar  Part = "sidecar"  // the init container of injected pods
	Gateway  Part = "gateway"  // the gateway's pod
	CNI      Part = "cni"      // istio-cni, which writes a sidecar's rules from the node
	DNS      Part = "dns"      // DNS capture of sidecars
	TProxy   Part = "tproxy"   // interception mode TPROXY
	NFTables Part = "nftables" // global.nativeNftables: rules written by nft
	Ambient  Part = "ambient"  // istio-cni and ztunnel
)

// AllParts returns every part.
func AllParts() []Part {
	return []Part{Node, Sidecar, Gateway, CNI, DNS, TProxy, NFTables, Ambient}
}

// Title says what the part is, for people.
func (p Part) Title() string {
	return map[Part]string{
		Node: "node runtime", Sidecar: "sidecars", Gateway: "gateway pods", CNI: "istio-cni", DNS: "DNS capture",
		TProxy: "interception mode TPROXY", NFTables: "native nftables", Ambient: "ambient",
	}[p]
}

// Uses says which parts of Istio a machine shall carry.
type Uses struct {
	// Parts are the parts in use.
	Parts []Part
	// IPv6 says that pods have IPv6 addresses.
	IPv6 bool

	// everything includes IPv6 where the machine speaks it.
	everything bool
}

// DefaultUses are sidecars and gateways on IPv4, Istio's default profile.
func DefaultUses() Uses { return Uses{Parts: []Part{Node, Sidecar, Gateway}} }

// ipv6Use and allUses are the values of ParseUses that are no part.
const (
	ipv6Use = "ipv6"
	allUses = "all"
)

// ParseUses reads a list of parts, "ipv6" or "all", separated by commas. The node
// runtime is always in use; an empty list means DefaultUses, and "all" includes IPv6
// where the machine speaks it. What is none of them is refused with status
// exitcode.Usage.
func ParseUses(list string) (Uses, error) {
	if strings.TrimSpace(list) == "" {
		return DefaultUses(), nil
	}
	uses := Uses{Parts: []Part{Node}}
	for name := range strings.SplitSeq(list, ",") {
		switch name = strings.TrimSpace(name); {
		case name == allUses:
			return Uses{Parts: AllParts(), everything: true}, nil
		case name == ipv6Use:
			uses.IPv6 = true
		case !slices.Contains(AllParts(), Part(name)):
			return Uses{}, exitcode.Usagef("--for %s: unknown part %q; want all, ipv6 or some of %s", list, name, join(AllParts()))
		case !slices.Contains(uses.Parts, Part(name)):
			uses.Parts = append(uses.Parts, Part(name))
		}
	}
	if len(uses.Parts) == 1 && uses.IPv6 {
		// IPv6 is nothing that could be used alone.
		uses.Parts = DefaultUses().Parts
	}
	return uses, nil
}

// String returns the list that ParseUses reads.
func (u Uses) String() string {
	list := join(u.Parts)
	if u.IPv6 {
		list += "," + ipv6Use
	}
	return list
}

func (u Uses) has(p Part) bool { return slices.Contains(u.Parts, p) }

func join(parts []Part) string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = string(p)
	}
	return strings.Join(names, ",")
}
