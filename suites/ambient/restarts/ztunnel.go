package restarts

import (
	"context"
	"fmt"
	"time"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/util/rand"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/ztunnel"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/ambient/mesh"
)

// keptConnections is how many connections are open over a restart.
const keptConnections = 10

var _ = Checks.AddAt(1, ztunnelRestarted)

// ztunnelRestarted replaces every node's ztunnel while pods talk to each other.
func ztunnelRestarted(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "ztunnel-restarted",
		Promise: "when ztunnel is replaced on every node, pods in the mesh soon reach each other again by HBONE; what new and open connections lose meanwhile is counted",
		Timeout: 6 * time.Minute,
		Run: func(ctx context.Context, t *check.T) {
			nodes := s.Cluster.Nodes()
			m := mesh.New(ctx, t, s, "restart")
			pods := m.Start(ctx, t, mesh.Wanted{Role: "client", Node: nodes[0].Name, Mode: mesh.Ambient}, mesh.Wanted{Role: "server", Node: nodes[len(nodes)-1].Name, Mode: mesh.Ambient})
			client, server := pods[0], pods[1]
			requests, connections := client.StartRequests(ctx, t, server.URL(mesh.HTTP)), client.KeepConnections(ctx, t, "kept", server, keptConnections)
			t.Diagnose("ztunnel is not replaced on every node after its DaemonSet has changed", "look at the DaemonSet's updateStrategy, and at ztunnel's pods and logs in the evidence",
				"https://istio.io/latest/docs/ambient/upgrade/helm/#ztunnel")
			started := time.Now()
			mesh.Patch(ctx, t, s, mesh.Ztunnel, fmt.Sprintf(`{"template":{"metadata":{"annotations":{"conformance/restarted":%q}}}}`, rand.String(8)))
			mesh.MustRollOut(ctx, t, s, mesh.Ztunnel, mesh.ZtunnelSelector)
			replaced := time.Since(started)
			t.Diagnose("pods in the mesh do not reach each other after ztunnel was replaced: the new one does not serve pods that were there before it",
				"look at the new ztunnels' logs and at istio-cni-node's in the evidence: it hands over the pods", "https://istio.io/latest/docs/ambient/upgrade/helm/#ztunnel")
			wire := mesh.Count(ctx, t, s, client, server)
			requests.MustGoOn(ctx, t, 50)
			t.Expect(wire.Packets(ctx, t, ztunnel.HBONEPort)).To(gomega.BeNumerically(">", 0), "packets to HBONE's port after the restart")
			t.Expect(wire.Packets(ctx, t, mesh.PodHTTP)).To(gomega.BeZero(), "packets in plain text after the restart")
			sent, kept := requests.Stop(ctx, t), connections.Stop(ctx, t)
			t.Observe("replaced on %d nodes within %s; new connections: %s", len(nodes), replaced.Round(time.Second), sent)
			t.Observe("of %d open connections %d broke: %s", keptConnections, kept.Failed, kept)
		},
	}
}
