package managed

import (
	"context"
	"sync"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// sharedName is the Gateway of fixtures/gateways/shared.yaml.
const sharedName = "managed"

// sharing lets one of the checks at a time make the shared Gateway.
var sharing sync.Mutex

// shared makes the Gateway that the checks of routes share, unless it is there, and
// returns its pod. It goes with the checks' namespace: a pod for each check would take
// longer than the checks do.
func shared(ctx context.Context, t *check.T, s *stack.Stack) corev1.Pod {
	t.Helper()
	kit.MustHaveGatewayAPI(ctx, t, s)
	sharing.Lock()
	defer sharing.Unlock()
	objects := kit.Render(t, "gateways/shared.yaml", map[string]string{"Name": sharedName})
	err := s.Apply(ctx, s.Namespace, objects)
	t.Expect(err).To(gomega.Succeed(), func() string { return kit.NotTaken(t, err) })
	return pod(ctx, t, s, sharedName)
}
