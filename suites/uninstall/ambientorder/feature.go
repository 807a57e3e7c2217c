// Package ambientorder takes the ambient profile away from under pods that it carried, and
// brings it back in another order.
package ambientorder

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/ztunnel"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/ambient/mesh"
	"istio-conformance/suites/kit"
)

// Checks are the checks of this feature.
var Checks kit.Checks

const link = "https://istio.io/latest/docs/ambient/install/helm/"

var _ = Checks.Add(outlives)

// outlives uninstalls all charts while pods run, and installs them in the opposite
// order.
func outlives(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "ambient-order",
		Promise: "pods that were taken out of the ambient mesh answer after the charts are uninstalled, with no rule of Istio's in their network; installed again with ztunnel before istiod and cni last, the charts become ready and take the pods back",
		Timeout: 8 * time.Minute,
		Run: func(ctx context.Context, t *check.T) {
			if s.Profile() != stack.ProfileAmbient {
				t.Skipf("ztunnel is not installed; PROFILE=%s installs it", stack.ProfileAmbient)
			}
			t.Diagnose("the ambient profile cannot be installed where Istio was before", "the message names the release and the object", link)
			t.Expect(s.Install(ctx)).To(gomega.Succeed(), "install what an earlier check uninstalled")
			nodes := s.Cluster.Nodes()
			m := mesh.New(ctx, t, s, "outlives")
			first, last := nodes[0].Name, nodes[len(nodes)-1].Name
			pods := m.Start(ctx, t, mesh.Wanted{Role: "client", Node: first, Mode: mesh.Ambient}, mesh.Wanted{Role: "server", Node: last, Mode: mesh.Ambient}, mesh.Wanted{Role: "left", Node: last, Mode: mesh.Ambient})
			client, server, left := pods[0], pods[1], pods[2]
			client.MustReach(ctx, t, server, server.URL(mesh.HTTP))
			for _, pod := range []mesh.Pod{client, server} {
				pod.SetMode(ctx, t, mesh.None)
				pod.MustBeEnrolled(ctx, t, false)
			}
			t.CleanupWithin(ctx, 4*time.Minute, func(ctx context.Context) {
				t.Expect(s.Install(ctx)).To(gomega.Succeed(), "install what the check uninstalled")
			})
			t.Diagnose("the charts of the ambient profile cannot be uninstalled", "the message names the objects that do not go away", link+"#uninstall")
			t.Expect(s.Uninstall(ctx)).To(gomega.Succeed())
			withoutIstio(ctx, t, s, client, server, left)
			t.Diagnose("Helm cannot install the charts of the ambient profile with ztunnel before istiod, and cni last", "the message names the release and the object", link)
			started := time.Now()
			for _, chart := range []string{"base", "ztunnel", "istiod", "cni"} {
				i := slices.IndexFunc(s.Releases, func(r charts.Release) bool { return r.Chart == s.Images.Charts[chart] })
				early := s.Releases[i]
				early.NoWait = true
				_, err := s.Helm.Install(ctx, early)
				t.Expect(err).NotTo(gomega.HaveOccurred())
			}
			t.Diagnose("the charts of the ambient profile do not become ready when ztunnel comes before istiod, and cni last", "look at the pods, events and logs in the evidence", link)
			// The gateway waits for an injector: its place is always the last.
			t.Expect(s.Install(ctx)).To(gomega.Succeed())
			took := time.Since(started)
			wire := mesh.Count(ctx, t, s, client, server)
			for _, pod := range []mesh.Pod{client, server} {
				pod.SetMode(ctx, t, mesh.Ambient)
				pod.MustBeEnrolled(ctx, t, true)
			}
			client.MustReach(ctx, t, server, server.URL(mesh.HTTP))
			mesh.MustLog(ctx, t, s, server.Node, client, server, gomega.HaveField("SourceIdentity", client.Identity()))
			t.Expect(wire.Packets(ctx, t, ztunnel.HBONEPort)).To(gomega.BeNumerically(">", 0), "packets to HBONE's port")
			t.Observe("installed as base, ztunnel, istiod, cni, gateway within %s", took.Round(time.Second))
		},
	}
}

// withoutIstio asserts that two pods are free of Istio after it is gone, and notes
// how a third one fares that nobody had taken out.
func withoutIstio(ctx context.Context, t *check.T, s *stack.Stack, client, server, left mesh.Pod) {
	t.Helper()
	t.Diagnose("a pod that was taken out of the mesh is not free of it: its traffic is still sent to a ztunnel that is gone", "look at the rules in the pod's network; restart the pod", link+"#uninstall")
	client.MustReach(ctx, t, server, server.URL(mesh.HTTP))
	for _, pod := range []mesh.Pod{client, server} {
		rules, err := s.Cluster.PodNetns(ctx, pod.Namespace, pod.Name, "iptables-save; iptables-legacy-save 2> /dev/null || true")
		t.Expect(err).NotTo(gomega.HaveOccurred())
		t.Expect(strings.Count(rules, "ISTIO_")).To(gomega.BeZero(), "rules in the network of pod %s:\n%s", pod.Name, rules)
	}
	outcome := client.Get(ctx, t, left.URL(mesh.HTTP))
	if outcome.Status == 200 {
		t.Observe("a pod that was still in the mesh answers without Istio too")
		return
	}
	t.Observe("a pod that was still in the mesh is cut off without it, as Istio warns: take pods out before you uninstall (%s)", outcome)
}
