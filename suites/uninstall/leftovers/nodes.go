package leftovers

import (
	"context"
	"strings"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// lookOnNode prints what is Istio's in a node's rules and network plugins. Its
// chains begin with ISTIO_; kube-proxy's rules name Services and are not meant. The
// plugin's log stays on purpose.
const lookOnNode = `set -o pipefail
for save in iptables-save ip6tables-save iptables-legacy-save ip6tables-legacy-save; do
  if command -v $save > /dev/null; then $save 2> /dev/null | grep ISTIO_ | sed "s/^/$save: /"; fi
done
ipset list -name 2> /dev/null | grep -i istio | sed 's/^/ipset: /'
grep -rl istio-cni /etc/cni/net.d 2> /dev/null | sed 's/^/network configuration: /'
ls /opt/cni/bin 2> /dev/null | grep -i istio | sed 's/^/network plugin: /'
find /var/run/istio-cni /var/run/ztunnel /etc/ambient-config -type f ! -name '*.log' 2> /dev/null | sed 's/^/file: /'
true`

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
			t.Expect(left).To(gomega.BeEmpty())
			t.Observe("%d nodes", len(s.Cluster.Nodes()))
		},
	}
}
