package restarts

import (
	"context"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/ambient/mesh"
)

// unenrolled is how long a pod that waits for its network is watched.
const unenrolled = 5 * time.Second

var _ = Checks.AddAt(2, cniDown)

// cniDown takes istio-cni's agent from every node for a while.
func cniDown(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "cni-restarted",
		Promise: "while istio-cni's agents are down, pods in the mesh lose no request, and a new pod waits instead of starting outside of the mesh; it starts in it when they are back",
		Timeout: 6 * time.Minute,
		Run: func(ctx context.Context, t *check.T) {
			nodes := s.Cluster.Nodes()
			first, last := nodes[0].Name, nodes[len(nodes)-1].Name
			m := mesh.New(ctx, t, s, "cni-down")
			pods := m.Start(ctx, t, mesh.Wanted{Role: "client", Node: first, Mode: mesh.Ambient}, mesh.Wanted{Role: "server", Node: last, Mode: mesh.Ambient})
			client, server := pods[0], pods[1]
			requests := client.StartRequests(ctx, t, server.URL(mesh.HTTP))
			t.Diagnose("istio-cni's agents do not end and come back when their DaemonSet's node selector changes", "look at the istio-cni-node pods in the evidence", "https://istio.io/latest/docs/setup/additional-setup/cni/")
			set := func(ctx context.Context, selector string, n int) {
				t.Helper()
				mesh.Patch(ctx, t, s, mesh.Agent, `{"template":{"spec":{"nodeSelector":{"conformance":`+selector+`}}}}`)
				mesh.MustHavePods(ctx, t, s, mesh.AgentSelector, n)
			}
			t.CleanupWithin(ctx, mesh.RolloutTimeout, func(ctx context.Context) { set(ctx, "null", len(nodes)) })
			set(ctx, `"no-such-node"`, 0)
			t.Diagnose("a pod of the mesh starts while nobody can take it into the mesh: its traffic is in plain text, and no policy holds for it",
				"the plugin must stay in the node's chain when its agent ends: look at the node's /etc/cni/net.d", "https://istio.io/latest/docs/ambient/architecture/traffic-redirection/")
			late := mesh.Wanted{Role: "late", Node: first, Mode: mesh.Ambient}
			m.Apply(ctx, t, late)
			t.Consistently(ctx, func() ([]corev1.Pod, error) { return s.ReadyPods(ctx, m.Namespace, "pod="+m.Name+"-late") }).WithTimeout(unenrolled).
				Should(gomega.BeEmpty(), "pods that started without istio-cni's agent")
			t.Diagnose("pods in the mesh lose requests while istio-cni's agents are down", "compare the times of the failures with ztunnel's log in the evidence",
				"https://istio.io/latest/docs/ambient/architecture/traffic-redirection/")
			requests.MustGoOn(ctx, t, 20)
			set(ctx, "null", len(nodes))
			pod := m.MustStart(ctx, t, late)
			pod.MustReach(ctx, t, server, server.URL(mesh.HTTP))
			mesh.MustLog(ctx, t, s, server.Node, pod, server, gomega.HaveField("SourceIdentity", pod.Identity()))
			sent := requests.Stop(ctx, t)
			t.Expect(sent.Failed).To(gomega.BeZero(), "requests: %s", sent)
			t.Observe("requests: %s", sent)
		},
	}
}
