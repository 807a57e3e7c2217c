package certificates

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(strict)

// strict sends plaintext to a workload before and after it demands mutual TLS.
func strict(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "strict-mtls",
		Promise:  "a workload in mode STRICT refuses plaintext and still answers the gateway, which has a certificate",
		Parallel: true,
		Long:     true,
		SkipIf:   s.WhyNotRouted,
		Breaks: []check.Break{
			{
				Name: "policy-ignored", Promise: "a workload that still accepts plaintext although its policy is STRICT is noticed",
				Make: func(ctx context.Context, t *check.T) {
					kit.SetIstiodEnv(ctx, t, s, "PILOT_IGNORE_RESOURCES", "peerauthentications.security.istio.io")
				},
				Says: "a workload that demands mutual TLS still takes plaintext",
			},
		},
		Run: func(ctx context.Context, t *check.T) {
			c := kit.NewScratch(ctx, t, s, "strict")
			pod := c.Workload(ctx, t, map[string]string{"Inject": "true"})
			plain, from := plaintext(ctx, t, s, pod)
			t.Diagnose("the control does not work: plaintext is not answered by a sidecar whose PeerAuthentication says PERMISSIVE",
				"compare the sidecar's inbound listener (istioctl proxy-config listener --port 15006) with the PeerAuthentication",
				"https://istio.io/latest/docs/reference/config/security/peer_authentication/")
			// The mesh's own policy may be STRICT.
			c.Apply(ctx, t, "strict", map[string]string{"Mode": "PERMISSIVE"})
			t.Eventually(ctx, plain).WithTimeout(kit.PropagationTimeout).Should(gomega.Equal("200"), "plaintext from %s to pod %s, before STRICT", from, pod.Name)
			t.Diagnose("a workload that demands mutual TLS still takes plaintext",
				"compare the sidecar's inbound listener (istioctl proxy-config listener --port 15006) with the PeerAuthentication; look at the redirection rules of the pod",
				"https://istio.io/latest/docs/concepts/security/#mutual-tls-authentication")
			c.Apply(ctx, t, "strict", map[string]string{"Mode": "STRICT"})
			t.Eventually(ctx, plain).WithTimeout(kit.PropagationTimeout).Should(gomega.HavePrefix("000"), "plaintext from %s to pod %s, with STRICT", from, pod.Name)
			t.Diagnose("a workload that demands mutual TLS refuses the gateway too", "look at the flags in the gateway's access log in the evidence",
				"https://istio.io/latest/docs/ops/common-problems/security-issues/")
			response := c.Get(ctx, nil)
			t.Expect(response.Status).To(gomega.Equal(200), "through the gateway: %s", response)
			answer := kit.ParseAnswer(t, response)
			t.Expect(strings.Join(answer.Headers["X-Forwarded-Client-Cert"], ",")).
				To(gomega.ContainSubstring("/ns/"+s.Gateway.Namespace+"/sa/"+s.Gateway.ServiceAccount), "the identity that the sidecar saw")
			t.Observe("plaintext was answered 200 before, and refused after; the gateway is answered 200")
		},
	}
}

// plaintext returns what asks a pod from where nothing redirects it into a proxy, and where
// that is: the gateway pod's network namespace, or in somebody else's cluster a pod of the
// check's own. The status is curl's: 000 is no answer at all.
func plaintext(ctx context.Context, t *check.T, s *stack.Stack, pod corev1.Pod) (ask func() (string, error), from string) {
	if s.InNamespace() {
		client := kit.NewOutsider(ctx, t, s)
		return func() (string, error) {
			return client.Ask(ctx, "http://"+net.JoinHostPort(pod.Status.PodIP, "8080")+"/", "")
		}, "a pod without a sidecar"
	}
	return func() (string, error) {
		gateway, err := s.GatewayPod(ctx)
		if err != nil {
			return "", err
		}
		script := fmt.Sprintf("curl --silent --max-time 5 --output /dev/null --write-out '%%{http_code}' http://%s/ || test $? = 56 -o $? = 52", net.JoinHostPort(pod.Status.PodIP, "8080"))
		return s.Cluster.PodNetns(ctx, gateway.Namespace, gateway.Name, script)
	}, "the gateway's pod"
}
