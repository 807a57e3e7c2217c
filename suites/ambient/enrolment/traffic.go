package enrolment

import (
	"context"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/ztunnel"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/ambient/mesh"
)

// link is where enrolling is documented.
const link = "https://istio.io/latest/docs/ambient/usage/add-workloads/"

// underTraffic takes a client and its server into the mesh and out again.
func underTraffic(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "enrolled-under-traffic",
		Promise:  "pods that run are taken into the ambient mesh and out of it while requests pass between them: no new connection is lost, and connections that are open stay open",
		Parallel: true,
		Timeout:  4 * time.Minute,
		Run: func(ctx context.Context, t *check.T) {
			nodes := s.Cluster.Nodes()
			m := mesh.New(ctx, t, s, "enrol")
			pods := m.Start(ctx, t, mesh.Wanted{Role: "client", Node: nodes[0].Name, Mode: mesh.None}, mesh.Wanted{Role: "server", Node: nodes[len(nodes)-1].Name, Mode: mesh.None})
			client, server := pods[0], pods[1]
			wire := mesh.Count(ctx, t, s, client, server)
			requests, connections := client.StartRequests(ctx, t, server.URL(mesh.HTTP)), client.KeepConnections(ctx, t, server, 5)
			t.Expect(wire.Packets(ctx, t, ztunnel.HBONEPort)).To(gomega.BeZero(), "packets to HBONE's port before the pods are in the mesh")
			for _, mode := range []string{mesh.Ambient, mesh.None} {
				for _, pod := range []mesh.Pod{server, client} {
					pod.SetMode(ctx, t, mode)
					pod.MustBeEnrolled(ctx, t, mode == mesh.Ambient)
					requests.MustGoOn(ctx, t, 20)
				}
				mustUse(ctx, t, wire, mode)
				requests.MustGoOn(ctx, t, 20)
			}
			sent, kept := requests.Stop(ctx, t), connections.Stop(ctx, t)
			t.Diagnose("a request is lost while a pod is taken into the ambient mesh or out of it", "compare the times of the failures with the logs of the node's istio-cni-node and ztunnel in the evidence", link)
			t.Expect(sent.Failed).To(gomega.BeZero(), "requests: %s", sent)
			t.Diagnose("a connection that is open breaks when its pod is taken into the ambient mesh or out of it", "compare the times of the failures with the logs of the node's istio-cni-node and ztunnel in the evidence", link)
			t.Expect(kept.Failed).To(gomega.BeZero(), "connections: %s", kept)
			t.Observe("requests: %s; on 5 open connections: %s", sent, kept)
		},
	}
}

// mustUse waits until new connections take the way of the mode: more packets to its
// port, and none to the other's.
func mustUse(ctx context.Context, t *check.T, wire mesh.Wire, mode string) {
	t.Helper()
	used, other := ztunnel.HBONEPort, mesh.PodHTTP
	if mode == mesh.None {
		used, other = other, used
	}
	t.Diagnose("new connections do not take the way that a pod's label asks for: by HBONE in the mesh, in plain text outside of it",
		"look at the annotations of both pods, and at both nodes' ztunnels in the evidence: istioctl ztunnel-config workloads", link)
	t.Eventually(ctx, func() (int, error) {
		before, beforeOther := wire.Packets(ctx, t, used), wire.Packets(ctx, t, other)
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(500 * time.Millisecond):
		}
		more, moreOther := wire.Packets(ctx, t, used)-before, wire.Packets(ctx, t, other)-beforeOther
		if moreOther > 0 {
			return 0, nil
		}
		return more, nil
	}).Should(gomega.BeNumerically(">", 0), "packets to port %d within half a second in which none went to port %d", used, other)
}
