package profiles

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// ambient sends a request to a pod without a sidecar that is in the mesh all the
// same.
func ambient(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "ambient-profile",
		Promise: "in the ambient profile a pod without a sidecar is reached over ztunnel, by mutual TLS with its own identity",
		Timeout: 3 * time.Minute,
		SkipIf: func() string {
			switch {
			case s.Existing():
				return s.WhyNotOurs()
			case s.Config.Profile == stack.ProfileAmbient:
				return ""
			case !s.Images.Ztunnel:
				return "source " + s.Images.Source + " has no image of ztunnel, which is no Go program; PROFILE=ambient IMAGES=release runs it"
			default:
				return "this run has another profile; PROFILE=ambient runs it"
			}
		},
		Run: func(ctx context.Context, t *check.T) {
			c := kit.NewScratch(ctx, t, s, "ambient")
			t.Diagnose("a pod in the ambient mesh does not become ready, or the gateway does not reach it",
				"look at ztunnel's and istio-cni-node's logs in the evidence", "https://istio.io/latest/docs/ambient/usage/troubleshoot-ztunnel/")
			pod := c.Workload(ctx, t, map[string]string{"Inject": "false", "DataplaneMode": "ambient"})
			t.Expect(kit.ContainerNames(&pod)).NotTo(gomega.ContainElement("istio-proxy"), "containers of pod %s", pod.Name)
			t.Expect(pod.Annotations).To(gomega.HaveKeyWithValue("ambient.istio.io/redirection", "enabled"), "annotations of pod %s, by the CNI plugin", pod.Name)
			id, header := kit.Mark()
			response := c.Get(ctx, header)
			t.Expect(response.Status).To(gomega.Equal(200), "request %s: %s", id, response)
			t.Diagnose("traffic to a pod in the ambient mesh does not pass ztunnel", "look at the ztunnel of the pod's node in the evidence: it logs each connection",
				"https://istio.io/latest/docs/ambient/usage/verify-mtls-enabled/")
			identity := fmt.Sprintf("src.identity=\"spiffe://cluster.local/ns/%s/sa/%s\"", s.Gateway.Namespace, s.Gateway.ServiceAccount)
			t.Eventually(ctx, func() ([]string, error) {
				logs, err := s.Logs(ctx, stack.SystemNamespace, "app=ztunnel", "istio-proxy")
				var lines []string
				for line := range strings.Lines(logs) {
					if strings.Contains(line, pod.Name) && strings.Contains(line, "inbound") {
						lines = append(lines, line)
					}
				}
				return lines, err
			}).Should(gomega.ContainElement(gomega.ContainSubstring(identity)), "ztunnel's log of pod %s", pod.Name)
		},
	}
}
