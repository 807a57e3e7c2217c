package restarts

import (
	"context"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/ambient/mesh"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "ztunnel-never-replaced", Promise: "a ztunnel that stays when its DaemonSet changes is noticed",
			Profile: stack.ProfileAmbient,
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				t.CleanupWithin(ctx, mesh.RolloutTimeout, func(ctx context.Context) {
					mesh.Patch(ctx, t, s, mesh.Ztunnel, `{"updateStrategy":{"$retainKeys":["type","rollingUpdate"],"type":"RollingUpdate","rollingUpdate":{"maxSurge":1,"maxUnavailable":0}}}`)
					mesh.MustRollOut(ctx, t, s, mesh.Ztunnel, mesh.ZtunnelSelector)
				})
				mesh.Patch(ctx, t, s, mesh.Ztunnel, `{"updateStrategy":{"$retainKeys":["type"],"type":"OnDelete","rollingUpdate":null}}`)
			},
			Plays: "ambient/ztunnel-restarted",
			Fails: map[string]string{"ambient/ztunnel-restarted": "ztunnel is not replaced on every node"},
		},
		{
			Name: "plugin-ends-with-agent", Promise: "a plugin that leaves the nodes' chains with its agent is noticed",
			Profile: stack.ProfileAmbient,
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				mesh.SetAgentEnv(ctx, t, s, "AMBIENT_DISABLE_SAFE_UPGRADE", "true")
			},
			Plays: "ambient/cni-restarted",
			Fails: map[string]string{"ambient/cni-restarted": "starts while nobody can take it into the mesh"},
		},
	}
}
