// Package services checks that ztunnel finds the pods behind Services of every kind.
package services

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/ztunnel"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/ambient/mesh"
	"istio-conformance/suites/kit"
)

// Checks are the checks of this feature.
var Checks kit.Checks

const link = "https://istio.io/latest/docs/ambient/usage/troubleshoot-ztunnel/"

var _ = Checks.Add(headless)

// headless asks for pods by a name that has their addresses and none of its own.
func headless(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "headless-service",
		Promise:  "every pod behind a headless Service is reached by HBONE, with its own identity",
		Parallel: true,
		Run: func(ctx context.Context, t *check.T) {
			nodes := s.Cluster.Nodes()
			first, last := nodes[0].Name, nodes[len(nodes)-1].Name
			asking, servers := mesh.New(ctx, t, s, "asks-headless"), mesh.New(ctx, t, s, "headless")
			client := asking.Start(ctx, t, mesh.Wanted{Role: "client", Node: first, Mode: mesh.Ambient})[0]
			behind := servers.Start(ctx, t, mesh.Wanted{Role: "a", Node: first, Mode: mesh.Ambient}, mesh.Wanted{Role: "b", Node: last, Mode: mesh.Ambient})
			apply(ctx, t, s, servers, behind[0].IP)
			url := fmt.Sprintf("http://%s-headless.%s.svc.cluster.local:%d/", servers.Name, servers.Namespace, mesh.PodHTTP)
			t.Diagnose("not every pod behind a headless Service is reached from the mesh", "compare the addresses that the name has with the pods; look at the client's ztunnel in the evidence", link)
			answered := map[string]bool{}
			t.Eventually(ctx, func() (map[string]bool, error) {
				o, err := client.Ask(ctx, "GET", url)
				if name := whoAnswers(o); name != "" {
					answered[name] = true
				}
				return answered, err
			}).WithTimeout(kit.PropagationTimeout).Should(gomega.And(gomega.HaveLen(2), gomega.HaveKey(behind[0].Name), gomega.HaveKey(behind[1].Name)), "pods that answered at %s", url)
			t.Diagnose("a pod behind a headless Service is reached in plain text, or by another identity than its own", "look at the client's ztunnel in the evidence", link)
			for _, server := range behind {
				mesh.MustLog(ctx, t, s, client.Node, client, server, gomega.HaveField("Direction", ztunnel.Outbound),
					gomega.HaveField("DestinationIdentity", server.Identity()), gomega.HaveField("HBONEAddress", gomega.Not(gomega.BeEmpty())))
			}
			t.Observe("both pods answered, each by its own identity")
		},
	}
}

var _ = Checks.Add(withoutSelector)

// withoutSelector asks by a Service whose endpoint no pod's labels decide.
func withoutSelector(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "service-without-selector",
		Promise:  "an address that somebody keeps behind a Service without a selector is reached from the mesh, although no label says whose it is",
		Parallel: true,
		Run: func(ctx context.Context, t *check.T) {
			nodes := s.Cluster.Nodes()
			m := mesh.New(ctx, t, s, "manual")
			pods := m.Start(ctx, t, mesh.Wanted{Role: "client", Node: nodes[0].Name, Mode: mesh.Ambient}, mesh.Wanted{Role: "outsider", Node: nodes[len(nodes)-1].Name, Mode: mesh.None})
			client, outsider := pods[0], pods[1]
			apply(ctx, t, s, m, outsider.IP)
			url := fmt.Sprintf("http://%s-manual.%s.svc.cluster.local/", m.Name, m.Namespace)
			t.Diagnose("an address behind a Service without a selector does not answer a pod in the mesh",
				"look at the error at the end of the lines of the client's ztunnel in the evidence, and compare the EndpointSlice with what ztunnel knows: istioctl ztunnel-config services", link)
			t.Eventually(ctx, func() (string, error) {
				o, err := client.Ask(ctx, "GET", url)
				return whoAnswers(o), err
			}).WithTimeout(kit.PropagationTimeout).Should(gomega.Equal(outsider.Name), "pod that answers at %s", url)
			t.Diagnose("ztunnel does not say that a connection was to the Service without a selector that was asked for",
				"compare the Service with what ztunnel knows: istioctl ztunnel-config services", link)
			mesh.MustLog(ctx, t, s, client.Node, client, outsider, gomega.HaveField("Direction", ztunnel.Outbound),
				gomega.HaveField("DestinationService", fmt.Sprintf("%s-manual.%s.svc.cluster.local", m.Name, m.Namespace)), gomega.HaveField("Error", ""))
			t.Observe("reached in plain text: the address is of no pod in the mesh")
		},
	}
}

func apply(ctx context.Context, t *check.T, s *stack.Stack, servers mesh.Mesh, address string) {
	t.Helper()
	kit.Apply(ctx, t, s, servers.Namespace, "ambient/services.yaml", map[string]string{"Name": servers.Name, "Address": address})
}

// whoAnswers is the name of the pod that answered; empty when none did.
func whoAnswers(o mesh.Outcome) string {
	var answer kit.Answer
	if json.Unmarshal([]byte(o.Body), &answer) != nil {
		return ""
	}
	return answer.Pod
}
