// Package managed checks the gateways that istiod deploys itself for a Gateway of the
// Gateway API, and the kinds of routes that VirtualServices have no part in.
package managed

import (
	"context"
	"fmt"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/rand"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

const (
	// link is where gateways that istiod deploys are documented.
	link = "https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/#automated-deployment"
	// fix is what to look at first.
	fix = "look at the conditions of the Gateway and its routes, and at istiod's log in the evidence"
)

// Checks are the checks of this feature.
var Checks = kit.Checks{SkipIf: func(s *stack.Stack) string {
	return s.OursAlone("has istiod deploy a gateway, and installs the Gateway API where it is missing")()
}}

// deploymentOf is the name that istiod gives to what it deploys for a Gateway of class
// istio: https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/#resource-attachment-and-scaling
func deploymentOf(gateway string) string { return gateway + "-istio" }

// selector matches the pods of a Gateway.
func selector(gateway string) string { return "gateway.networking.k8s.io/gateway-name=" + gateway }

// pod waits until istiod has deployed a Gateway, and returns its one pod.
func pod(ctx context.Context, t *check.T, s *stack.Stack, gateway string) corev1.Pod {
	t.Helper()
	t.Diagnose("istiod deploys no gateway for a Gateway of the Gateway API", fix, link)
	pods := kit.MustHavePods(ctx, t, s, s.Namespace, selector(gateway), 1)
	t.Diagnose("a Gateway that istiod deployed does not get the conditions by which a user knows that it works", fix, link)
	for _, condition := range []string{"Accepted", "Programmed"} {
		t.Eventually(ctx, func() (string, error) {
			return kit.GatewayCondition(ctx, s, "Gateway", s.Namespace, gateway, condition)
		}).WithTimeout(kit.PropagationTimeout).Should(gomega.Equal("True"), "condition %s of Gateway %s/%s", condition, s.Namespace, gateway)
	}
	return pods[0]
}

// route is a host of a check's own at the shared Gateway.
type route struct {
	name, host string
	pod        corev1.Pod
}

// newRoute applies fixtures/gateways/<fixture>.yaml for a host of its own.
func newRoute(ctx context.Context, t *check.T, s *stack.Stack, fixture string) route {
	t.Helper()
	r := route{name: fixture + "-" + rand.String(5), pod: shared(ctx, t, s)}
	r.host = r.name + ".managed.test"
	kit.Apply(ctx, t, s, s.Namespace, "gateways/"+fixture+".yaml", map[string]string{"Name": r.name, "Host": r.host, "Gateway": sharedName})
	return r
}

// address forwards a port of the Gateway's pod to this machine.
func (r route) address(ctx context.Context, t *check.T, s *stack.Stack, port int) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", kit.Forward(ctx, t, s, r.pod, port))
}
