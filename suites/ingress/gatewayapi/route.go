package gatewayapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/gatewayapi"
	"istio-conformance/internal/kube"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// classTimeout bounds the time from the definitions to a GatewayClass: istiod
// starts its controllers for the Gateway API when it sees them.
const classTimeout = 90 * time.Second

// installed are the stacks whose cluster has the definitions, with their version. The
// lock lets one of the checks at a time install them.
var (
	installing sync.Mutex
	installed  = map[*stack.Stack]string{}
)

// mustBeInstalled installs the Gateway API's definitions, unless they are there,
// and waits for Istio's GatewayClass. They stay: istiod watches them from now on.
func mustBeInstalled(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	if installed[s] == "" {
		crds, version, err := gatewayapi.CRDs(ctx, s.Config.Root)
		if err != nil {
			t.Skipf("needs the go command and the module cache or a module proxy: %v", err)
		}
		t.Diagnose("the API server does not take the Gateway API's definitions", "look at the message above", "https://gateway-api.sigs.k8s.io/guides/")
		t.Expect(kube.Apply(ctx, s.Client, "", crds)).To(gomega.Succeed())
		t.Eventually(ctx, func() ([]string, error) { return gatewayapi.NotEstablished(ctx, s.Client, crds) }).Should(gomega.BeEmpty(), "definitions that are not Established")
		installed[s] = version
	}
	t.Diagnose("istiod does not take up the Gateway API after its definitions were installed", "look at istiod's log in the evidence, and at its PILOT_ENABLE_GATEWAY_API",
		"https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/")
	t.Eventually(ctx, func() (string, error) { return condition(ctx, s, "GatewayClass", "", "istio", "Accepted") }).WithTimeout(classTimeout).
		Should(gomega.Equal("True"), "condition Accepted of GatewayClass istio")
	t.Observe("Gateway API %s", installed[s])
}

// newRoute makes a Gateway of the Gateway API in front of the ingress gateway,
// with an HTTPRoute, and waits until it is served.
func newRoute(ctx context.Context, t *check.T, s *stack.Stack) kit.Route {
	t.Helper()
	mustBeInstalled(ctx, t, s)
	const domain = "gateway-api.test"
	r := kit.UnservedRouteIn(ctx, t, s, domain, "http-route", map[string]string{
		"Domain": domain, "GatewayNamespace": s.Gateway.Namespace, "GatewayService": fmt.Sprintf("%s.%s.svc.cluster.local", s.Gateway.Release, s.Gateway.Namespace),
	})
	t.Diagnose("Istio does not bind a Gateway of the Gateway API to the gateway's Service that its address names", "look at the conditions in the message and at istiod's log in the evidence",
		"https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/#manual-deployment")
	for _, name := range []string{"Accepted", "Programmed"} {
		t.Eventually(ctx, func() (string, error) { return condition(ctx, s, "Gateway", s.Gateway.Namespace, r.Name, name) }).WithTimeout(kit.PropagationTimeout).
			Should(gomega.Equal("True"), "condition %s of Gateway %s/%s", name, s.Gateway.Namespace, r.Name)
	}
	t.Diagnose("the gateway does not serve an HTTPRoute", fix, link)
	t.Eventually(ctx, func() string { return r.Get(ctx, "/", nil).String() }).WithTimeout(kit.PropagationTimeout).
		Should(gomega.HavePrefix(fmt.Sprintf("status %d", http.StatusOK)), "host %s", r.Host)
	return r
}

// condition returns the status of a condition of an object, with its message when
// it is not True; empty while there is none.
func condition(ctx context.Context, s *stack.Stack, kind, namespace, name, wanted string) (string, error) {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: kind})
	if err := s.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, object); err != nil {
		return "", fmt.Errorf("get %s %s: %w", kind, name, err)
	}
	conditions, _, err := unstructured.NestedSlice(object.Object, "status", "conditions")
	if err != nil {
		return "", fmt.Errorf("conditions of %s %s: %w", kind, name, err)
	}
	i := slices.IndexFunc(conditions, func(c any) bool {
		fields, ok := c.(map[string]any)
		return ok && fields["type"] == wanted
	})
	if i < 0 {
		return "", nil
	}
	fields, _ := conditions[i].(map[string]any)
	if fields["status"] == "True" {
		return "True", nil
	}
	return fmt.Sprintf("%v: %v", fields["status"], fields["message"]), nil
}
