package managed

import (
	"context"
	"fmt"
	"net/http"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/util/rand"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

// routesLabel is what the listener chosen of fixtures/gateways/shared.yaml asks of a
// namespace whose routes it takes.
const routesLabel = "conformance.test/routes"

var _ = Checks.Add(elsewhere)

// elsewhere has a route in another namespace than its Gateway and its backend.
func elsewhere(s *stack.Stack) check.Check {
	return check.Check{
		Name: "route-of-another-namespace",
		Promise: "a route of another namespace is attached only when the listener's allowedRoutes take the namespace, " +
			"and leads to a Service there only while a ReferenceGrant permits it",
		Parallel: true,
		Breaks: []check.Break{
			{
				Name: "routes-of-all-allowed", Promise: "a namespace that was given the label by which a listener takes routes is noticed",
				Make: func(ctx context.Context, t *check.T) {
					namespace, err := s.ScratchNamespace(ctx)
					t.Expect(err).NotTo(gomega.HaveOccurred())
					mutation.Label(ctx, t, s, namespace, routesLabel, "yes")
				},
				Says: "a listener takes a route of a namespace that it does not allow",
			},
			{
				Name: "backends-granted", Promise: "a ReferenceGrant that permits what nobody should reach is noticed",
				Make: func(ctx context.Context, t *check.T) {
					namespace, err := s.ScratchNamespace(ctx)
					t.Expect(err).NotTo(gomega.HaveOccurred())
					kit.Apply(ctx, t, s, s.Namespace, "gateways/backend-grant.yaml", map[string]string{"Name": "mutation-granted", "From": namespace})
				},
				Says: "a route leads to a Service of another namespace that has not permitted it",
			},
		},
		Run: func(ctx context.Context, t *check.T) {
			of := shared(ctx, t, s)
			namespace, err := s.ScratchNamespace(ctx)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			name := "elsewhere-" + rand.String(5)
			host := name + ".managed.test"
			kit.Apply(ctx, t, s, namespace, "gateways/elsewhere.yaml", map[string]string{"Name": name, "Host": host, "Gateway": sharedName, "GatewayNamespace": s.Namespace})
			says := func() (map[string]string, error) { return routeReasons(ctx, s, "HTTPRoute", namespace, name) }
			attached := func() (int64, error) {
				found, err := listeners(ctx, s, sharedName)
				return found["chosen"].Attached, err
			}
			t.Diagnose("a listener takes a route of a namespace that it does not allow", "look at the labels of the route's namespace and at the listener's allowedRoutes", link)
			t.Eventually(ctx, says).WithTimeout(kit.PropagationTimeout).Should(gomega.HaveKeyWithValue("Accepted", "NotAllowedByListeners"), "conditions of the route")
			t.Expect(attached()).To(gomega.BeZero(), "attachedRoutes of the listener")

			t.Diagnose("a route leads to a Service of another namespace that has not permitted it", "look for a ReferenceGrant in the Service's namespace", "https://gateway-api.sigs.k8s.io/api-types/referencegrant/")
			mutation.Label(ctx, t, s, namespace, routesLabel, "yes")
			t.Eventually(ctx, says).WithTimeout(kit.PropagationTimeout).Should(gomega.And(
				gomega.HaveKeyWithValue("Accepted", "Accepted"), gomega.HaveKeyWithValue("ResolvedRefs", "RefNotPermitted")), "conditions of the route in a namespace that is allowed")
			t.Eventually(ctx, attached).Should(gomega.Equal(int64(1)), "attachedRoutes of the listener")
			url := fmt.Sprintf("http://127.0.0.1:%d/", kit.Forward(ctx, t, s, of, 82))
			status := func() int {
				return probe.HTTP(ctx, probe.Request{URL: url, Host: host, Timeout: kit.ShortTimeout}).Status
			}
			t.Eventually(ctx, status).WithTimeout(kit.PropagationTimeout).Should(gomega.Equal(http.StatusInternalServerError), "a request while the backend is not permitted")

			t.Diagnose("a route does not lead to a Service of another namespace that permits it", fix, "https://gateway-api.sigs.k8s.io/api-types/referencegrant/")
			grant := kit.Apply(ctx, t, s, s.Namespace, "gateways/backend-grant.yaml", map[string]string{"Name": name, "From": namespace})
			t.Eventually(ctx, status).WithTimeout(kit.PropagationTimeout).Should(gomega.Equal(http.StatusOK), "a request once the backend is permitted")
			t.Diagnose("a route leads to a Service of another namespace that no longer permits it", fix, "https://gateway-api.sigs.k8s.io/api-types/referencegrant/")
			t.Expect(kube.Delete(ctx, s.Client, grant)).To(gomega.Succeed())
			t.Eventually(ctx, status).WithTimeout(kit.PropagationTimeout).Should(gomega.Equal(http.StatusInternalServerError), "a request once the grant is gone")
			t.Observe("refused by the listener, then by the backend, served, and refused again")
		},
	}
}
