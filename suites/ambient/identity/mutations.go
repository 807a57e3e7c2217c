package identity

import (
	"context"
	"fmt"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/ztunnel"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "hbone-blocked", Promise: "a port 15008 that is blocked between the nodes is noticed",
			Profile: stack.ProfileAmbient, Break: blockHBONE, Plays: "ambient:identity",
			Fails: map[string]string{"ambient/other-node": "does not reach another one", "ambient/own-node": "does not reach another one"},
		},
	}
}

// blockHBONE refuses what any node forwards to HBONE's port, as a policy of the
// network does that knows nothing of it.
func blockHBONE(ctx context.Context, t *check.T, s *stack.Stack) {
	rule := fmt.Sprintf("FORWARD -p tcp --dport %d -j REJECT --reject-with tcp-reset", ztunnel.HBONEPort)
	on := func(ctx context.Context, action string) error {
		return s.OnEachNode(func(node string) error {
			_, err := s.Cluster.Exec(ctx, node, "iptables -w "+action+" "+rule)
			return err
		})
	}
	mutation.Mend(ctx, t, func(ctx context.Context) { t.Expect(on(ctx, "-D")).To(gomega.Succeed()) })
	t.Expect(on(ctx, "-I")).To(gomega.Succeed())
}
