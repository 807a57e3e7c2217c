package policy

import (
	"context"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/ztunnel"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/ambient/mesh"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(strict)

// strict asks a pod of mode STRICT from inside and outside of the mesh.
func strict(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "strict",
		Promise:  "a pod in the ambient mesh of mode STRICT refuses plain text by its service and by its address, and answers pods in the mesh",
		Parallel: true,
		Run: func(ctx context.Context, t *check.T) {
			m, client, server, outsider := threePods(ctx, t, s, "strict")
			outsider.MustReach(ctx, t, server, server.URL(mesh.HTTP))
			kit.Apply(ctx, t, s, m.Namespace, "ambient/strict.yaml", map[string]string{"Name": m.Name, "Server": server.Name})
			t.Diagnose("ztunnel lets plain text through to a pod of mode STRICT",
				"look at the policies of the server's ztunnel: istioctl ztunnel-config policies", "https://istio.io/latest/docs/ambient/usage/verify-mtls-enabled/")
			outcome := outsider.MustBeRefused(ctx, t, server.URL(mesh.HTTP))
			outsider.MustBeRefused(ctx, t, direct(server, mesh.PodHTTP))
			mesh.MustLog(ctx, t, s, server.Node, outsider, server, gomega.HaveField("Direction", ztunnel.Inbound), gomega.HaveField("Error", gomega.ContainSubstring("policy")))
			t.Diagnose("a pod of mode STRICT does not answer a pod in the mesh, which has a certificate", "look at both nodes' ztunnels in the evidence",
				"https://istio.io/latest/docs/ambient/usage/verify-mtls-enabled/")
			client.MustReach(ctx, t, server, server.URL(mesh.HTTP))
			t.Observe("plain text: %s", outcome)
		},
	}
}
