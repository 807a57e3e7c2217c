// Package serverside checks what changes where the API server applies Istio's charts, as
// Helm 4 has it: who owns which field, and who is refused.
package serverside

import (
	"context"
	"fmt"
	"time"

	"github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// link is where conflicts are documented.
const link = "https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts"

// Checks are the checks of this feature.
var Checks kit.Checks

// onlyHelm4 says why what the API server applies cannot be looked at.
func onlyHelm4(s *stack.Stack) func() string {
	return func() string {
		if why := s.WhyNotOurs(); why != "" {
			return why
		}
		if !s.Helm4() {
			return "Helm 3 applies client-side; HELM=4 runs it"
		}
		return ""
	}
}

// spareTimeout bounds the operations on a release that starts no pod.
const spareTimeout = 30 * time.Second

// spare returns a release of the gateway's chart with a Deployment that starts no pod and
// a Service without node ports, until the check ends.
func spare(ctx context.Context, t *check.T, s *stack.Stack, name string) charts.Release {
	t.Helper()
	scratch := kit.NewScratch(ctx, t, s, name)
	gateway := *s.GatewayRelease()
	r := charts.Release{Name: scratch.Name, Namespace: scratch.Namespace, Chart: gateway.Chart, Timeout: spareTimeout}
	r.Values = charts.Values(gateway.Values, map[string]any{
		"replicaCount": 0,
		// A pod that is asked for all the same finds no node.
		"nodeSelector": map[string]any{"conformance.test/none": "true"},
		"service":      map[string]any{"type": "ClusterIP", "ports": []any{map[string]any{"name": "http2", "port": 80, "targetPort": 80}}},
	})
	t.CleanupWithin(ctx, spareTimeout, func(ctx context.Context) {
		if err := s.Helm.Uninstall(ctx, r.Namespace, r.Name, spareTimeout); err != nil {
			t.Errorf("remove release %s: %v", r, err)
		}
	})
	return r
}

// managed says by which operations Helm is noted to manage fields of an object.
func managed(ctx context.Context, s *stack.Stack, object client.Object) (map[metav1.ManagedFieldsOperationType]bool, error) {
	if err := s.Client.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
		return nil, fmt.Errorf("get %T %s: %w", object, object.GetName(), err)
	}
	by := map[metav1.ManagedFieldsOperationType]bool{}
	for _, entry := range object.GetManagedFields() {
		if entry.Manager == charts.Manager && entry.Subresource == "" {
			by[entry.Operation] = true
		}
	}
	return by, nil
}

var (
	applied = gomega.Equal(map[metav1.ManagedFieldsOperationType]bool{metav1.ManagedFieldsOperationApply: true})
	updated = gomega.Equal(map[metav1.ManagedFieldsOperationType]bool{metav1.ManagedFieldsOperationUpdate: true})
)
