package policy

import (
	"context"
	"fmt"
	"strings"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/ztunnel"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/ambient/mesh"
	"istio-conformance/suites/kit"
)

const link = "https://istio.io/latest/docs/ambient/usage/l4-policy/"

var _ = Checks.Add(allow)

// allow lets one identity reach one port.
func allow(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "authorization",
		Promise:  "ztunnel lets in by an AuthorizationPolicy exactly the identity and the port that it names, and says in its log which policy refused",
		Parallel: true,
		Run: func(ctx context.Context, t *check.T) {
			m, client, server, outsider := threePods(ctx, t, s, "allow")
			other := m.Start(ctx, t, mesh.Wanted{Role: "other", Node: client.Node, Mode: mesh.Ambient})[0]
			for _, port := range []int{mesh.HTTP, mesh.OtherHTTP} {
				client.MustReach(ctx, t, server, server.URL(port))
				other.MustReach(ctx, t, server, server.URL(port))
			}
			kit.Apply(ctx, t, s, m.Namespace, "ambient/allow.yaml", map[string]string{
				"Name": m.Name, "Server": server.Name, "Principal": strings.TrimPrefix(client.Identity(), "spiffe://"),
			})
			t.Diagnose("ztunnel lets in whom an AuthorizationPolicy does not name",
				"look at the policies of the server's ztunnel: istioctl ztunnel-config policies", link)
			other.MustBeRefused(ctx, t, server.URL(mesh.HTTP))
			outsider.MustBeRefused(ctx, t, server.URL(mesh.HTTP))
			client.MustBeRefused(ctx, t, server.URL(mesh.OtherHTTP))
			mesh.MustLog(ctx, t, s, server.Node, other, server, gomega.HaveField("Direction", ztunnel.Inbound), gomega.HaveField("Error", gomega.ContainSubstring("policy")))
			t.Diagnose("ztunnel refuses whom an AuthorizationPolicy lets in", "compare the principal with the identities in the log of the server's ztunnel in the evidence", link)
			client.MustReach(ctx, t, server, server.URL(mesh.HTTP))
			t.Observe("only %s reaches port 8080", client.Identity())
		},
	}
}

var _ = Checks.Add(httpRule)

// httpRule gives ztunnel a rule that it cannot judge.
func httpRule(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "http-rule-without-waypoint",
		Promise:  "an AuthorizationPolicy about HTTP that no waypoint judges lets nobody in, instead of everybody",
		Parallel: true,
		Run: func(ctx context.Context, t *check.T) {
			m, client, server, _ := threePods(ctx, t, s, "http-rule")
			client.MustReach(ctx, t, server, server.URL(mesh.HTTP))
			kit.Apply(ctx, t, s, m.Namespace, "ambient/http-rule.yaml", map[string]string{"Name": m.Name, "Server": server.Name})
			t.Diagnose("a rule about HTTP that ztunnel cannot judge lets everybody in",
				"look at the policies of the server's ztunnel: istioctl ztunnel-config policies; an L7 policy belongs to a waypoint", link)
			outcome := client.MustBeRefused(ctx, t, server.URL(mesh.HTTP))
			t.Observe("%s", outcome)
		},
	}
}

// threePods starts a client in the mesh, a server in it on another node where there
// is one, and a pod that is not in it.
func threePods(ctx context.Context, t *check.T, s *stack.Stack, name string) (m mesh.Mesh, client, server, outsider mesh.Pod) {
	t.Helper()
	m = mesh.New(ctx, t, s, name)
	nodes := s.Cluster.Nodes()
	first, last := nodes[0].Name, nodes[len(nodes)-1].Name
	pods := m.Start(ctx, t, mesh.Wanted{Role: "client", Node: first, Mode: mesh.Ambient}, mesh.Wanted{Role: "server", Node: last, Mode: mesh.Ambient},
		mesh.Wanted{Role: "outsider", Node: first, Mode: mesh.None})
	return m, pods[0], pods[1], pods[2]
}

// direct is where a pod answers without its Service.
func direct(p mesh.Pod, port int) string { return fmt.Sprintf("http://%s:%d/", p.IP, port) }
