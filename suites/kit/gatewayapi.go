package kit

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/images/gatewaycrds"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
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

// MustHaveGatewayAPI installs the Gateway API's definitions, unless they are there,
// and waits for Istio's GatewayClass. They stay: istiod watches them from now on.
func MustHaveGatewayAPI(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	if installed[s] == "" {
		crds, version, err := gatewaycrds.CRDs(ctx, s.Root(), gatewaycrds.Standard)
		if err != nil {
			t.Skipf("needs the go command and the module cache or a module proxy: %v", err)
		}
		t.Diagnose("the API server does not take the Gateway API's definitions", "look at the message above", "https://gateway-api.sigs.k8s.io/guides/")
		t.Expect(kube.Apply(ctx, s.Client, "", crds)).To(gomega.Succeed())
		t.Eventually(ctx, func() ([]string, error) { return gatewaycrds.NotEstablished(ctx, s.Client, crds) }).Should(gomega.BeEmpty(), "definitions that are not Established")
		installed[s] = version
	}
	t.Diagnose("istiod does not take up the Gateway API after its definitions were installed", "look at istiod's log in the evidence, and at its PILOT_ENABLE_GATEWAY_API",
		"https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/")
	t.Expect(AwaitGatewayClass(ctx, s)).To(gomega.Succeed())
	t.Observe("Gateway API %s", installed[s])
}

// AwaitGatewayClass waits until istiod, which may just have seen the definitions, offers
// its GatewayClass.
func AwaitGatewayClass(ctx context.Context, s *stack.Stack) error {
	return Until(ctx, classTimeout, func(ctx context.Context) error {
		accepted, err := GatewayCondition(ctx, s, "GatewayClass", "", "istio", "Accepted")
		if err == nil && accepted != "True" {
			err = fmt.Errorf("condition Accepted of GatewayClass istio is %q", accepted)
		}
		return err
	})
}

// GatewayCondition returns the status of a condition of an object of the Gateway API, with its message when
// it is not True; empty while there is none.
func GatewayCondition(ctx context.Context, s *stack.Stack, kind, namespace, name, wanted string) (string, error) {
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
