package nodeport

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// goneLink is where conntrack's memory of closed connections is documented, which
// leads new ones to pods that are gone.
const goneLink = "https://docs.kernel.org/networking/nf_conntrack-sysctl.html"

var _ = Checks.Add(goneAddress)

// goneAddress looks where each node sends what is for an address of its own pods that
// no pod has. The default route would lead it out of the cluster, and whoever answers
// there would answer for the gateway or the backend.
func goneAddress(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "address-of-gone-pod",
		SkipIf:   s.OursAlone("reads the routes of nodes"),
		Parallel: true,
		Promise:  "packets to the address of a deleted pod are dropped: no server outside the cluster can answer in its place",
		Run: func(ctx context.Context, t *check.T) {
			ranges, err := podRanges(ctx, s)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			if len(ranges) == 0 {
				t.Skipf("the cluster's pods have IPv6 addresses only, and this reads the routes of IPv4")
			}
			pods := &corev1.PodList{}
			t.Expect(s.Client.List(ctx, pods)).To(gomega.Succeed())
			for node, prefix := range ranges {
				t.Diagnose(fmt.Sprintf("node %s sends what is for a pod that is gone out of the cluster, where another server may answer", node),
					fmt.Sprintf("look at `ip route` on that node: %s must be a blackhole, which the routes of single pods go before", prefix), goneLink)
				address, err := unused(prefix, pods.Items)
				t.Expect(err).NotTo(gomega.HaveOccurred())
				// The kernel's refusal is status 2; what else goes wrong is an error of the check.
				route, err := s.Cluster.Exec(ctx, node, fmt.Sprintf("ip route get %s 2>&1 || [ $? -eq 2 ]", address))
				t.Expect(err).NotTo(gomega.HaveOccurred())
				t.Expect(route).To(gomega.ContainSubstring("RTNETLINK answers"), "route of node %s to %s, which no pod has", node, address)
			}
			t.Observe("%d nodes have no route to an address of their pod range that no pod has", len(ranges))
		},
	}
}

// podRanges returns the IPv4 range of each node's pods.
func podRanges(ctx context.Context, s *stack.Stack) (map[string]netip.Prefix, error) {
	nodes := &corev1.NodeList{}
	if err := s.Client.List(ctx, nodes); err != nil {
		return nil, fmt.Errorf("list the nodes: %w", err)
	}
	ranges := map[string]netip.Prefix{}
	for _, node := range nodes.Items {
		for _, cidr := range node.Spec.PodCIDRs {
			prefix, err := netip.ParsePrefix(cidr)
			if err != nil {
				return nil, fmt.Errorf("spec.podCIDRs of node %s: %w", node.Name, err)
			}
			if prefix.Addr().Is4() {
				ranges[node.Name] = prefix
			}
		}
	}
	return ranges, nil
}

// unused returns the last address of a range, below that of broadcasts, that no pod has.
// Pods get the first that are free, so that none gets it soon.
func unused(prefix netip.Prefix, pods []corev1.Pod) (netip.Addr, error) {
	taken := map[string]bool{}
	for _, pod := range pods {
		for _, ip := range pod.Status.PodIPs {
			taken[ip.IP] = true
		}
	}
	last := prefix.Masked().Addr().As4()
	hosts := uint32(1)<<(32-prefix.Bits()) - 1
	binary.BigEndian.PutUint32(last[:], binary.BigEndian.Uint32(last[:])|hosts)
	for address := netip.AddrFrom4(last).Prev(); prefix.Contains(address); address = address.Prev() {
		if !taken[address.String()] {
			return address, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("every address of %s belongs to a pod", prefix)
}
