package configuration

import (
	"context"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "istiod-down", Promise: "an istiod without a pod is noticed by all that need it",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				kit.MustFailClosed(ctx, t, s)
				mutation.Scale(ctx, t, s, stack.SystemNamespace, s.Revised("istiod"), 0)
			},
			Plays: "install:configuration,install/validation,install/versions-and-sync",
			Fails: map[string]string{
				"install/istiod-available": "istiod is down", "install/xds": "istiod is down", "install/versions-and-sync": "istiod is down",
				"install/validation": "cannot call a webhook", "install/propagation": "cannot call a webhook",
			},
		},
		{
			Name: "gateway-cut-off", Promise: "a gateway that cannot reach istiod, and keeps its old configuration, is noticed",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) { kit.CutOffGateway(ctx, t, s, "") },
			Plays: "install:configuration",
			Fails: map[string]string{"install/propagation": "the gateway's proxy", "install/xds": "a proxy did not get or did not accept"},
		},
		{
			Name: "configuration-refused-by-the-proxy", Promise: "a gateway that refuses istiod's configuration is noticed",
			Break: refuseConfiguration, Plays: "install/xds,install/versions-and-sync",
			Fails: map[string]string{"install/xds": "did not accept istiod's configuration", "install/versions-and-sync": "refused by the proxy"},
		},
	}
}

// refuseConfiguration sends the gateway a listener that its Envoy does not take.
func refuseConfiguration(ctx context.Context, t *check.T, s *stack.Stack) {
	rejected := func() (string, error) { return s.GatewayAdmin(ctx, "stats?filter=lds.update_rejected") }
	before, err := rejected()
	t.Expect(err).NotTo(gomega.HaveOccurred())
	mutation.ApplyFixture(ctx, t, s, "refused-config", nil)
	t.Eventually(ctx, rejected).ShouldNot(gomega.Equal(before), "listeners that the gateway refused")
}
