// Package resilience checks what pods in the ambient mesh notice when parts of it
// are restarted. Its checks disturb all pods of the mesh, and run one by one.
package resilience

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

// Checks returns the checks of this feature.
func Checks(s *stack.Stack) []check.Check { return []check.Check{ztunnelRestarted(s), cniDown(s)} }

// rolloutTimeout bounds the time until every node runs a new pod, and none an old
// one: ztunnel drains for half a minute.
const rolloutTimeout = 3 * time.Minute

// patch changes the template of a DaemonSet's pods and does not wait.
func patch(ctx context.Context, t *check.T, s *stack.Stack, name, template string) {
	t.Helper()
	set := &appsv1.DaemonSet{}
	set.Namespace, set.Name = stack.SystemNamespace, name
	text := fmt.Sprintf(`{"spec":{"template":%s}}`, template)
	t.Expect(s.Client.Patch(ctx, set, client.RawPatch("application/merge-patch+json", []byte(text)))).To(gomega.Succeed(), "patch DaemonSet %s", name)
}

// mustHavePods waits until as many pods match as there should be, all of them ready
// and none that is ending.
func mustHavePods(ctx context.Context, t *check.T, s *stack.Stack, selector string, n int) {
	t.Helper()
	t.Eventually(ctx, func() (string, error) {
		all, err := s.Pods(ctx, stack.SystemNamespace, selector)
		if err != nil {
			return "", err
		}
		ready, err := s.ReadyPods(ctx, stack.SystemNamespace, selector)
		return fmt.Sprintf("%d pods, %d ready", len(all), len(ready)), err
	}).WithTimeout(rolloutTimeout).Should(gomega.Equal(fmt.Sprintf("%d pods, %d ready", n, n)), "%s\n%s", selector, s.DescribePods(ctx, stack.SystemNamespace))
}
