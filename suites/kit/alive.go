package kit

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// uptimeSlack is for whole seconds, in which Envoy tells its uptime.
const uptimeSlack = 2 * time.Second

// GatewayLife is a look at the gateway's process.
type GatewayLife struct {
	pod      string
	restarts int32
	uptime   time.Duration
	// Envoy was asked for its uptime between these two.
	from, until time.Time
}

// LookAtGateway notes which process serves, to see later that it is the same.
func LookAtGateway(ctx context.Context, t *check.T, s *stack.Stack) GatewayLife {
	t.Helper()
	life, err := lookAtGateway(ctx, s)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	return life
}

// MustBeTheSame asserts that the gateway's process has gone on since: the same
// pod, no restart of a container, Envoy's uptime grown by the time that passed, and
// no crash in its log.
func (l GatewayLife) MustBeTheSame(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Helper()
	t.Diagnose("the gateway's Envoy is not the process that it was before, or its log tells of a crash",
		"look for a crash in the gateway's log in the evidence: one that a client can cause is for Envoy's security team before anybody else; without one, look for what replaced the pod in its namespace's events", "https://github.com/envoyproxy/envoy/security/policy")
	now := LookAtGateway(ctx, t, s)
	t.Expect(now.pod).To(gomega.Equal(l.pod), "the gateway's pod")
	t.Expect(now.restarts).To(gomega.Equal(l.restarts), "restarts of the gateway's container")
	t.Expect(now.uptime).To(gomega.BeNumerically(">=", l.uptime+now.from.Sub(l.until)-uptimeSlack), "uptime of the gateway's Envoy, %s before", l.uptime)
	logs, err := s.Logs(ctx, s.Gateway.Namespace, s.Gateway.Selector, "istio-proxy")
	t.Expect(err).NotTo(gomega.HaveOccurred())
	for line := range strings.Lines(logs) {
		t.Expect(line).NotTo(gomega.Or(gomega.ContainSubstring("\tcritical\t"), gomega.ContainSubstring("assert failure")), "the gateway's log")
	}
	t.Observe("the gateway's Envoy is the same process after %s", now.uptime)
}

func lookAtGateway(ctx context.Context, s *stack.Stack) (GatewayLife, error) {
	pod, err := s.GatewayPod(ctx)
	if err != nil {
		return GatewayLife{}, err
	}
	life := GatewayLife{pod: string(pod.UID), restarts: Restarts(&pod), from: time.Now()}
	text, err := s.GatewayAdmin(ctx, "server_info")
	life.until = time.Now()
	if err != nil {
		return life, err
	}
	var info struct {
		Uptime string `json:"uptime_all_epochs"`
	}
	if err := json.Unmarshal([]byte(text), &info); err != nil {
		return life, fmt.Errorf("envoy's /server_info: %w", err)
	}
	life.uptime, err = time.ParseDuration(info.Uptime)
	return life, err
}

// Restarts is how often containers of a pod were started again.
func Restarts(pod *corev1.Pod) (all int32) {
	for _, c := range pod.Status.ContainerStatuses {
		all += c.RestartCount
	}
	return all
}
