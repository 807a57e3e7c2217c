package leftovers

import (
	"context"
	"strings"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// lookOnNode prints what is Istio's in a node's rules and network plugins. Its
// chains begin with ISTIO_, its tables of nft with istio-; kube-proxy's rules name Services and are not meant. The
// plugin's log stays on purpose.
const lookOnNode = `set -o pipefail
for save in iptables-save ip6tables-save iptables-legacy-save ip6tables-legacy-save; do
  if command -v $save > /dev/null; then $save 2> /dev/null | grep ISTIO_ | sed "s/^/$save: /"; fi
done
nft list tables 2> /dev/null | grep istio- | sed 's/^/nft: /'
ipset list -name 2> /dev/null | grep -i istio | sed 's/^/ipset: /'
grep -rl istio-cni /etc/cni/net.d 2> /dev/null | sed 's/^/network configuration: /'
ls /opt/cni/bin 2> /dev/null | grep -i istio | sed 's/^/network plugin: /'
find /var/run/istio-cni /var/run/ztunnel /etc/ambient-config -type f ! -name '*.log' 2> /dev/null | sed 's/^/file: /'
true`

var _ = Checks.AddAt(2, nodes)

// nodes looks at what the API server does not know.
func nodes(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "leftovers-on-nodes",
		Promise: "no node keeps a rule, a network plugin or a network configuration of Istio's",
		Run: func(ctx context.Context, t *check.T) {
			t.Diagnose("a node still has something of Istio's, which may keep new pods from starting or take their traffic",
				"chart cni cleans up when its pods end: look whether they were killed before they could; remove what is named above from the node",
				"https://istio.io/latest/docs/setup/additional-setup/cni/")
			var left []string
			for _, node := range s.Cluster.Nodes() {
				output, err := s.Cluster.Exec(ctx, node.Name, lookOnNode)
				t.Expect(err).NotTo(gomega.HaveOccurred(), "look at node %s", node.Name)
				for line := range strings.Lines(output) {
					left = append(left, node.Name+": "+strings.TrimSpace(line))
				}
			}
			if len(left) > 0 {
				explainChain(ctx, t, s, left)
			}
			t.Expect(left).To(gomega.BeEmpty())
			t.Observe("%d nodes", len(s.Cluster.Nodes()))
		},
	}
}

// probesChain is that of istio-cni's agent in the ambient profile: it lets the kubelet's
// probes reach pods.
const probesChain = "ISTIO_POSTRT"

// variants prints the tables that iptables-legacy has in a node, and what iptables is.
const variants = `cat /proc/net/ip_tables_names 2> /dev/null; iptables --version`

// explainChain says why nothing but the chain of istio-cni's agent is left, where the
// node shows it. Looking for the variant to use, an agent adds a rule with
// iptables-legacy, which makes the legacy nat table; the next agent takes that table for
// rules in use, changes to iptables-legacy and later cleans up there:
// https://github.com/istio/istio/blob/1.31.0/tools/istio-iptables/pkg/dependencies/implementation_linux.go
func explainChain(ctx context.Context, t *check.T, s *stack.Stack, left []string) {
	for _, line := range left {
		// The chain keeps its sets of addresses, too.
		ofChain := strings.Contains(line, probesChain) && !strings.Contains(line, "-legacy-save") || strings.Contains(line, "ipset: istio-inpod-probes")
		if !ofChain {
			return
		}
	}
	for _, node := range s.Cluster.Nodes() {
		output, err := s.Cluster.Exec(ctx, node.Name, variants)
		if err != nil || !strings.Contains(output, "nf_tables") || !strings.Contains("\n"+output, "\nnat\n") {
			return // The cause that the check has said stays.
		}
	}
	t.Diagnose("chain "+probesChain+" is left in nf_tables, although plugin and configuration are removed, and every node has a nat table of iptables-legacy too: an agent of istio-cni cleans up in the variant that it chose at its start, and it chooses iptables-legacy where that table exists",
		"set env.FORCE_IPTABLES_BINARY of chart cni to nft; remove the chain: iptables -t nat -D POSTROUTING -j "+probesChain+"; iptables -t nat -F "+probesChain+"; iptables -t nat -X "+probesChain+" (ip6tables too)",
		"https://istio.io/latest/docs/ambient/architecture/traffic-redirection/")
}
