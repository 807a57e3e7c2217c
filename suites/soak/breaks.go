package soak

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

// leakingGateway makes the gateway keep some KiB of every request for ever.
func leakingGateway(s *stack.Stack) check.Break {
	return check.Break{
		Name: "gateway-leaks-memory", Promise: "a gateway that keeps 4 KiB of each request is noticed",
		Make: func(ctx context.Context, t *check.T) {
			mutation.ApplyFixture(ctx, t, s, "leaking-gateway", map[string]string{"App": s.Gateway.Release})
			t.Eventually(ctx, func() (string, error) { return s.GatewayAdmin(ctx, "config_dump") }).
				Should(gomega.ContainSubstring("conformance.leaking"), "the gateway's configuration")
		},
		Says: "the memory of a process of the mesh grows without end: memory of the gateway",
	}
}

// leftOpenEvery is how often a client opens a connection that it never closes.
const leftOpenEvery = 500 * time.Millisecond

// connectionsLeftOpen has a client open connections to the gateway and leave them.
func connectionsLeftOpen(s *stack.Stack) check.Break {
	return check.Break{
		Name: "connections-left-open", Promise: "a gateway with more and more connections that nobody closes is noticed",
		Make: func(ctx context.Context, t *check.T) {
			at, err := s.GatewayAddress(stack.HTTPNodePort, "")
			t.Expect(err).NotTo(gomega.HaveOccurred())
			ctx, stop := context.WithCancel(ctx)
			var client sync.WaitGroup
			var open []net.Conn
			mutation.Mend(ctx, t, func(context.Context) {
				stop()
				client.Wait()
				for _, c := range open {
					t.Expect(c.Close()).To(gomega.Succeed())
				}
			})
			client.Go(func() {
				for kit.Pause(ctx, leftOpenEvery) {
					if c, err := (&net.Dialer{}).DialContext(ctx, "tcp", at); err == nil {
						open = append(open, c)
					}
				}
			})
		},
		Says: "the number of open files of a process of the mesh grows without end: number of open files of the gateway",
	}
}

// abortSome has the gateway answer one request of a thousand by itself, with an error that
// it does not try again.
func abortSome(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Helper()
	mutation.ApplyFixture(ctx, t, s, "some-aborted", map[string]string{"App": s.Gateway.Release})
	t.Eventually(ctx, func() (string, error) { return s.GatewayAdmin(ctx, "config_dump") }).
		Should(gomega.ContainSubstring("conformance.aborting"), "the gateway's configuration")
}

// renewLate has the gateway ask for its next certificate when a tenth of its life is left.
func renewLate(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Helper()
	set := func(ctx context.Context, ratio string) {
		t.Helper()
		t.Expect(kit.PatchGateway(ctx, s, `"env":[{"name":"SECRET_GRACE_PERIOD_RATIO",`+ratio+`}]`)).To(gomega.Succeed())
		kit.RolledOut(ctx, t, s, s.Gateway.Namespace, s.Gateway.Release)
	}
	mutation.Mend(ctx, t, func(ctx context.Context) { set(ctx, `"$patch":"delete"`) })
	set(ctx, `"value":"0.1"`)
}
