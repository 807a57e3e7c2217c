package cluster

import (
	"fmt"
	"strings"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
)

// confinement is the part of a node's script that keeps in the cluster what is meant
// for it: the address of a pod that is gone, and a virtual IP that kube-proxy does not
// know, or not any more. By the default route such a packet would leave the node for
// whatever network is beyond, where somebody may answer.
//
// Connections are made to pods that are gone: conntrack remembers where a closed one
// led (10 s after a reset, up to 120 s otherwise), and a client that takes the same
// port again within that time is sent there.
//
// The route of a pod that is there is more specific, and goes first; what kube-proxy
// translates no longer has a virtual IP when it meets the rules.
func confinement(own nodeRoute, network v1alpha4.Networking) string {
	var b strings.Builder
	f := own.family()
	fmt.Fprintf(&b, "%s route replace blackhole %s\n", f.ip(), own.podCIDR)
	if network.KubeProxyMode == v1alpha4.IPVSProxyMode {
		return b.String() // There virtual IPs are the node's own, and translated later.
	}
	for _, chain := range []string{"FORWARD", "OUTPUT"} {
		rule := fmt.Sprintf("%s -d %s -j DROP", chain, serviceSubnet(network, f))
		fmt.Fprintf(&b, "%[1]s -w -C %[2]s 2>/dev/null || %[1]s -w -A %[2]s\n", f.iptables(), rule)
	}
	return b.String()
}
