package kit

import (
	"context"
	"fmt"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// CutOffGateway refuses what the gateway's pod sends to istiod's xDS port, on the
// pod's node, until the check ends. match narrows the iptables rule, such as to
// new connections.
func CutOffGateway(ctx context.Context, t *check.T, s *stack.Stack, match string) {
	t.Helper()
	t.Expect(CutOff(ctx, t, s, match)(ctx)).To(gomega.Succeed())
}

// CutOff prepares CutOffGateway for a later moment: what it returns makes no assertion,
// so that it may run beside a check.
func CutOff(ctx context.Context, t *check.T, s *stack.Stack, match string) (cut func(context.Context) error) {
	t.Helper()
	pod, err := s.GatewayPod(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	rule := fmt.Sprintf("FORWARD -s %s -p tcp --dport %d %s -j REJECT --reject-with tcp-reset", pod.Status.PodIP, IstiodXDS, match)
	t.CleanupWithin(ctx, 2*time.Minute, func(ctx context.Context) {
		_, err := s.Cluster.Exec(ctx, pod.Spec.NodeName, fmt.Sprintf("if iptables -w -C %s 2>/dev/null; then iptables -w -D %s; fi", rule, rule))
		t.Expect(err).NotTo(gomega.HaveOccurred())
		t.Eventually(ctx, GatewayState(ctx, t, s)).WithTimeout(2*time.Minute).
			Should(gomega.And(gomega.Not(gomega.BeEmpty()), gomega.HaveEach(gomega.HaveField("Synced()", true))), "the gateway's proxies after the cut")
	})
	return func(ctx context.Context) error {
		_, err := s.Cluster.Exec(ctx, pod.Spec.NodeName, "iptables -w -I "+rule)
		return err
	}
}
