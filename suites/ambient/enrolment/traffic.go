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

// held is how many connections stay open beside the requests.
const held = 5

var _ = Checks.Add(underTraffic)

// underTraffic takes a client and its server into the mesh and out again. Requests may
// be lost meanwhile: istio-cni redirects a pod before ztunnel serves it, and the
// client's ztunnel hears from istiod only later that the server's no longer does.
// Connections that are open may break both times, and are counted.
func underTraffic(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "enrolled-under-traffic",
		Promise:  "pods that run are taken into the ambient mesh and out of it while requests pass between them: once new connections take the new way none is lost; what requests and open connections lose meanwhile is counted",
		Parallel: true,
		Timeout:  4 * time.Minute,
		Run: func(ctx context.Context, t *check.T) {
			nodes := s.Cluster.Nodes()
			m := mesh.New(ctx, t, s, "enrol")
			pods := m.Start(ctx, t, mesh.Wanted{Role: "client", Node: nodes[0].Name, Mode: mesh.None}, mesh.Wanted{Role: "server", Node: nodes[len(nodes)-1].Name, Mode: mesh.None})
			client, server := pods[0], pods[1]
			wire := mesh.Count(ctx, t, s, client, server)
			requests, before := client.StartRequests(ctx, t, server.URL(mesh.HTTP)), client.KeepConnections(ctx, t, "before", server, held)
			t.Expect(wire.Packets(ctx, t, ztunnel.HBONEPort)).To(gomega.BeZero(), "packets to HBONE's port before the pods are in the mesh")
			change := func(mode string) (lost int) {
				at := requests.Report(ctx, t).Failed
				for _, pod := range []mesh.Pod{server, client} {
					pod.SetMode(ctx, t, mode)
					pod.MustBeEnrolled(ctx, t, mode == mesh.Ambient)
					requests.MustGoOn(ctx, t, 20)
				}
				mustUse(ctx, t, wire, mode)
				done := requests.Report(ctx, t).Failed
				t.Diagnose("requests are lost although their pods are taken into the ambient mesh, or out of it, and new connections take that way",
					"compare the times of the failures with the logs of the node's istio-cni-node and ztunnel in the evidence", link)
				requests.MustGoOn(ctx, t, 50)
				after := requests.Report(ctx, t)
				t.Expect(after.Failed).To(gomega.Equal(done), "failed requests: %s", after)
				return done - at
			}
			into := change(mesh.Ambient)
			inside := client.KeepConnections(ctx, t, "inside", server, held)
			out := change(mesh.None)
			sent, kept, broken := requests.Stop(ctx, t), before.Stop(ctx, t), inside.Stop(ctx, t)
			t.Observe("%d requests were lost while both pods were taken in, %d while they were taken out; in all %s", into, out, sent)
			t.Observe("of %d connections that were opened outside of the mesh %d broke; of %d that were opened in it %d", held, kept.Failed, held, broken.Failed)
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
