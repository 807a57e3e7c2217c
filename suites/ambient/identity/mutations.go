package identity

import (
	"context"
	"fmt"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/ztunnel"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/ambient/mesh"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove. What goes by HBONE and
// what goes in plain text fail apart, here and in the checks of Services.
func Mutations() []mutation.Mutation {
	const plays = "ambient:identity,ambient:services"
	return []mutation.Mutation{
		{
			Name: "hbone-blocked", Promise: "a port 15008 that is blocked on the nodes is noticed",
			Profile: stack.ProfileAmbient, Break: blocked(ztunnel.HBONEPort), Plays: plays,
			Fails: map[string]string{
				"ambient/other-node": "a pod in the ambient mesh does not reach another one", "ambient/own-node": "a pod in the ambient mesh does not reach another one",
				"ambient/headless-service": "not every pod behind a headless Service is reached",
			},
		},
		{
			Name: "plain-text-blocked", Promise: "pods' plain text that is blocked on the nodes is noticed",
			Profile: stack.ProfileAmbient, Break: blocked(mesh.PodHTTP), Plays: plays,
			Fails: map[string]string{
				"ambient/other-node": "a pod that is not in the mesh does not reach one that is", "ambient/own-node": "a pod that is not in the mesh does not reach one that is",
				"ambient/service-without-selector": "an address behind a Service without a selector does not answer",
			},
		},
	}
}

// blocked refuses what any node forwards to a port, as a policy of the network does
// that knows nothing of what uses it.
func blocked(port int) func(context.Context, *check.T, *stack.Stack) {
	return func(ctx context.Context, t *check.T, s *stack.Stack) {
		rule := fmt.Sprintf("FORWARD -p tcp --dport %d -j REJECT --reject-with tcp-reset", port)
		on := func(ctx context.Context, action string) error {
			return s.OnEachNode(func(node string) error {
				_, err := s.Cluster.Exec(ctx, node, "iptables -w "+action+" "+rule)
				return err
			})
		}
		mutation.Mend(ctx, t, func(ctx context.Context) { t.Expect(on(ctx, "-D")).To(gomega.Succeed()) })
		t.Expect(on(ctx, "-I")).To(gomega.Succeed())
	}
}
