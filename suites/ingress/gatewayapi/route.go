package gatewayapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// newRoute makes a Gateway of the Gateway API in front of the ingress gateway,
// with an HTTPRoute, and waits until it is served.
func newRoute(ctx context.Context, t *check.T, s *stack.Stack) kit.Route {
	t.Helper()
	kit.MustHaveGatewayAPI(ctx, t, s)
	const domain = "gateway-api.test"
	r := kit.UnservedRouteIn(ctx, t, s, domain, "http-route", map[string]string{
		"Domain": domain, "GatewayNamespace": s.Gateway.Namespace, "GatewayService": fmt.Sprintf("%s.%s.svc.cluster.local", s.Gateway.Release, s.Gateway.Namespace),
	})
	t.Diagnose("Istio does not bind a Gateway of the Gateway API to the gateway's Service that its address names", "look at the conditions in the message and at istiod's log in the evidence",
		"https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/#manual-deployment")
	for _, name := range []string{"Accepted", "Programmed"} {
		t.Eventually(ctx, func() (string, error) {
			return kit.GatewayCondition(ctx, s, "Gateway", s.Gateway.Namespace, r.Name, name)
		}).WithTimeout(kit.PropagationTimeout).
			Should(gomega.Equal("True"), "condition %s of Gateway %s/%s", name, s.Gateway.Namespace, r.Name)
	}
	t.Diagnose("the gateway does not serve an HTTPRoute", fix, link)
	t.Eventually(ctx, func() string { return r.Get(ctx, "/", nil).String() }).WithTimeout(kit.PropagationTimeout).
		Should(gomega.HavePrefix(fmt.Sprintf("status %d", http.StatusOK)), "host %s", r.Host)
	return r
}
