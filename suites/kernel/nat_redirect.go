package kernel

import (
	"context"
	"fmt"
	"sync"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/kernel"
	"istio-conformance/internal/stack"
)

// natRedirect sends real connections through the kind of rule that Istio's init
// container writes, in a throw-away network namespace of every node.
func natRedirect(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "nat-redirect",
		Promise: "on every node a REDIRECT rule catches a connection, and uid 1337, the proxy's, passes by",
		Run: func(ctx context.Context, t *check.T) {
			var mu sync.Mutex
			reached := map[string]string{}
			err := s.OnEachNode(func(node string) error {
				output, err := s.Cluster.Exec(ctx, node, kernel.RedirectScript)
				mu.Lock()
				defer mu.Unlock()
				reached[node] = output
				if err != nil {
					return fmt.Errorf("node %s: %w", node, err)
				}
				return nil
			})
			t.Diagnose("the kernel of a node does not redirect connections as Istio's init container needs it",
				"load nf_nat, xt_REDIRECT and xt_owner on the node: modprobe -a nf_nat xt_REDIRECT xt_owner",
				"https://istio.io/latest/docs/ops/deployment/platform-requirements/")
			t.Expect(err).NotTo(gomega.HaveOccurred())
			for node, output := range reached {
				t.Expect(output).To(gomega.ContainSubstring("root reached redirected"), "node %s: the rule did not catch the connection", node)
				t.Expect(output).To(gomega.ContainSubstring("uid 1337 reached direct"), "node %s: the rule caught the proxy's own connection", node)
			}
			t.Expect(reached).NotTo(gomega.BeEmpty(), "the cluster has no nodes")
		},
	}
}
