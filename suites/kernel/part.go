package kernel

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/machine/kernelprobe"
)

// part checks on every node what a part of Istio needs besides what has a check of
// its own. Nothing is wrong with a kernel that cannot carry what nobody uses: that
// is a skip, with what would break.
func part(n *nodes, name string, p kernelprobe.Part, own map[string]bool) check.Check {
	return check.Check{
		Name:    name,
		Promise: fmt.Sprintf("every node's kernel has everything else required for %s", p.Title()),
		Run: func(ctx context.Context, t *check.T) {
			several(ctx, t, n, func(f *kernelprobe.Finding) bool {
				return slices.Contains(f.Parts, p) && !own[f.Name] && (!f.IPv6 || n.uses.IPv6)
			}, n.used(p))
		},
	}
}

// ipv6 checks the twins of iptables for pods with an IPv6 address.
func ipv6(n *nodes, own map[string]bool) check.Check {
	return check.Check{
		Name:    "ipv6",
		Promise: "every node's kernel does for IPv6 what it does for IPv4",
		Run: func(ctx context.Context, t *check.T) {
			several(ctx, t, n, func(f *kernelprobe.Finding) bool { return f.IPv6 && !own[f.Name] },
				func() bool { return n.uses.IPv6 })
		},
	}
}

// used says, once the nodes were inspected, whether the cluster carries a part.
func (n *nodes) used(p kernelprobe.Part) func() bool {
	return func() bool { return slices.Contains(n.uses.Parts, p) }
}

// several looks at the findings that concern a check on every node.
func several(ctx context.Context, t *check.T, n *nodes, concerns func(*kernelprobe.Finding) bool, used func() bool) {
	reports, err := n.get(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(reports).NotTo(gomega.BeEmpty(), "the cluster has no nodes")
	var unseen gaps
	for _, node := range slices.Sorted(maps.Keys(reports)) {
		var fine []string
		for i := range reports[node].Requirements {
			f := &reports[node].Requirements[i]
			if !concerns(f) {
				continue
			}
			if f.Status == kernelprobe.OK {
				fine = append(fine, f.Name)
				continue
			}
			t.Observe("%s: %s", node, describe(f))
			diagnose(t, node, f)
			t.Expect(f.Status).NotTo(gomega.Equal(kernelprobe.Failed), "node %s: %s: %s", node, f.Name, f.Reason)
			unseen = append(unseen, gap{node, f.Name, f.Reason})
		}
		t.Observe("%s: works: %s", node, strings.Join(fine, ", "))
	}
	switch {
	case len(unseen) > 0 && used():
		t.Skipf("%s", unseen)
	case len(unseen) > 0:
		t.Skipf("nothing in this cluster uses it: %s", unseen)
	}
}
