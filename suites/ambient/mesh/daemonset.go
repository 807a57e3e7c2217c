package mesh

import (
	"context"
	"fmt"
	"time"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// The DaemonSets of the ambient profile, and what matches their pods.
const (
	Ztunnel         = "ztunnel"
	ZtunnelSelector = "app=ztunnel"
	Agent           = "istio-cni-node"
	AgentSelector   = "k8s-app=istio-cni-node"
)

// RolloutTimeout bounds the time until every node runs a new pod of a DaemonSet, and
// none an old one: ztunnel drains for half a minute.
const RolloutTimeout = 3 * time.Minute

// Patch applies a strategic merge patch to the spec of a DaemonSet and does not wait.
func Patch(ctx context.Context, t *check.T, s *stack.Stack, name, spec string) {
	t.Helper()
	set := &appsv1.DaemonSet{}
	set.Namespace, set.Name = stack.SystemNamespace, name
	text := fmt.Sprintf(`{"spec":%s}`, spec)
	t.Expect(s.Client.Patch(ctx, set, client.RawPatch("application/strategic-merge-patch+json", []byte(text)))).To(gomega.Succeed(), "patch DaemonSet %s", name)
}

// MustHavePods waits until as many pods match as there should be, all of them ready
// and none that is ending.
func MustHavePods(ctx context.Context, t *check.T, s *stack.Stack, selector string, n int) {
	t.Helper()
	t.Eventually(ctx, func() (string, error) {
		all, err := s.Pods(ctx, stack.SystemNamespace, selector)
		if err != nil {
			return "", err
		}
		ready, err := s.ReadyPods(ctx, stack.SystemNamespace, selector)
		return fmt.Sprintf("%d pods, %d ready", len(all), len(ready)), err
	}).WithTimeout(RolloutTimeout).Should(gomega.Equal(fmt.Sprintf("%d pods, %d ready", n, n)), "%s\n%s", selector, s.DescribePods(ctx, stack.SystemNamespace))
}

// MustRollOut waits until every node runs a pod of a DaemonSet as it is now, and no
// other.
func MustRollOut(ctx context.Context, t *check.T, s *stack.Stack, name, selector string) {
	t.Helper()
	set := &appsv1.DaemonSet{}
	t.Eventually(ctx, func() (bool, error) {
		err := s.Client.Get(ctx, client.ObjectKey{Namespace: stack.SystemNamespace, Name: name}, set)
		d := set.Status
		return d.ObservedGeneration == set.Generation && d.UpdatedNumberScheduled == d.DesiredNumberScheduled, err
	}).WithTimeout(RolloutTimeout).Should(gomega.BeTrue(), "rollout of DaemonSet %s\n%s", name, s.DescribePods(ctx, stack.SystemNamespace))
	MustHavePods(ctx, t, s, selector, int(set.Status.DesiredNumberScheduled))
}

// SetAgentEnv gives istio-cni's agents a variable until the check ends, and waits
// until all have it.
func SetAgentEnv(ctx context.Context, t *check.T, s *stack.Stack, name, value string) {
	t.Helper()
	set := func(ctx context.Context, variable string) {
		t.Helper()
		Patch(ctx, t, s, Agent, `{"template":{"spec":{"containers":[{"name":"install-cni","env":[`+variable+`]}]}}}`)
		MustRollOut(ctx, t, s, Agent, AgentSelector)
	}
	t.CleanupWithin(ctx, 2*RolloutTimeout, func(ctx context.Context) { set(ctx, fmt.Sprintf(`{"name":%q,"$patch":"delete"}`, name)) })
	set(ctx, fmt.Sprintf(`{"name":%q,"value":%q}`, name, value))
}
