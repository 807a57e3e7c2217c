// Package identity checks that ztunnel carries pods' traffic by mutual TLS, each
// side with its own identity, and that nothing else is on the wire.
package identity

import (
	"context"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/ztunnel"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/ambient/mesh"
	"istio-conformance/suites/kit"
)

// Checks are the checks of this feature.
var Checks kit.Checks

var _ = Checks.Add(otherNode)

func otherNode(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "other-node",
		Promise:  "a pod in the ambient mesh reaches one on another node by HBONE, and each side's ztunnel has proved the other's identity; a pod that is not in the mesh reaches it in plain text",
		Parallel: true,
		SkipIf:   func() string { return whyOneNode(s) },
		Run:      func(ctx context.Context, t *check.T) { proves(ctx, t, s, "other", nodeOf(s, 1)) },
	}
}

var _ = Checks.Add(ownNode)

func ownNode(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "own-node",
		Promise:  "between two pods of one node ztunnel does not spare mutual TLS: the wire is HBONE and both identities are proved",
		Parallel: true,
		Run:      func(ctx context.Context, t *check.T) { proves(ctx, t, s, "own", nodeOf(s, 0)) },
	}
}

func whyOneNode(s *stack.Stack) string {
	if s.Cluster != nil && len(s.Cluster.Nodes()) < 2 {
		return "the cluster has one node"
	}
	return ""
}

func nodeOf(s *stack.Stack, i int) string { return s.Cluster.Nodes()[i].Name }

// proves has a pod of the first node ask one of the given node, and looks at both
// ends and in between.
func proves(ctx context.Context, t *check.T, s *stack.Stack, name, node string) {
	m := mesh.New(ctx, t, s, name)
	pods := m.Start(ctx, t, mesh.Wanted{Role: "client", Node: nodeOf(s, 0), Mode: mesh.Ambient}, mesh.Wanted{Role: "server", Node: node, Mode: mesh.Ambient},
		mesh.Wanted{Role: "outsider", Node: nodeOf(s, 0), Mode: mesh.None})
	client, server, outsider := pods[0], pods[1], pods[2]
	inMesh, outside := mesh.Count(ctx, t, s, client, server), mesh.Count(ctx, t, s, outsider, server)
	t.Diagnose("a pod in the ambient mesh does not reach another one",
		"look at the error at the end of the lines of both ztunnels' logs in the evidence; a NetworkPolicy must allow port 15008",
		"https://istio.io/latest/docs/ambient/usage/networkpolicy/")
	client.MustReach(ctx, t, server, server.URL(mesh.HTTP))
	t.Diagnose("traffic between pods in the ambient mesh does not go by ztunnel, or without the identities of its ends",
		"look at both nodes' ztunnels in the evidence: each logs every connection", "https://istio.io/latest/docs/ambient/usage/verify-mtls-enabled/")
	identities := []gomega.OmegaMatcher{
		gomega.HaveField("SourceIdentity", client.Identity()), gomega.HaveField("DestinationIdentity", server.Identity()),
		gomega.HaveField("HBONEAddress", gomega.HavePrefix(server.IP+":")), gomega.HaveField("Error", ""),
	}
	mesh.MustLog(ctx, t, s, client.Node, client, server, append(identities, gomega.HaveField("Direction", ztunnel.Outbound))...)
	mesh.MustLog(ctx, t, s, server.Node, client, server, append(identities, gomega.HaveField("Direction", ztunnel.Inbound))...)
	tunnel, plain := inMesh.Packets(ctx, t, ztunnel.HBONEPort), inMesh.Packets(ctx, t, mesh.PodHTTP)
	t.Expect(tunnel).To(gomega.BeNumerically(">", 0), "packets to port %d", ztunnel.HBONEPort)
	t.Expect(plain).To(gomega.BeZero(), "packets in plain text to port %d", mesh.PodHTTP)
	t.Diagnose("a pod that is not in the mesh does not reach one that is, although no policy asks for mutual TLS", "look at the server's ztunnel in the evidence",
		"https://istio.io/latest/docs/ambient/usage/verify-mtls-enabled/")
	outsider.MustReach(ctx, t, server, server.URL(mesh.HTTP))
	mesh.MustLog(ctx, t, s, server.Node, outsider, server, gomega.HaveField("Direction", ztunnel.Inbound), gomega.HaveField("SourceIdentity", ""), gomega.HaveField("HBONEAddress", ""))
	t.Expect(outside.Packets(ctx, t, mesh.PodHTTP)).To(gomega.BeNumerically(">", 0), "packets of the pod outside of the mesh to port %d", mesh.PodHTTP)
	t.Observe("%d packets to port %d and none to port %d; %s to %s", tunnel, ztunnel.HBONEPort, mesh.PodHTTP, client.Identity(), server.Identity())
}
