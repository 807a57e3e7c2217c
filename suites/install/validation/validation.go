package validation

import (
	"context"

	"github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(validation)

// validation sends an invalid object and its valid twin, both as a dry run: the
// twin proves that the refusal is for the fault and not for something else.
func validation(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "validation",
		Parallel: true,
		Promise:  "Istio's webhook refuses an invalid VirtualService with its reason and accepts a valid one",
		SkipIf:   s.WhyUnvalidated,
		Run: func(ctx context.Context, t *check.T) {
			var err error
			t.Eventually(ctx, func() error {
				err = create(ctx, s, virtualService(map[string]any{"host": "backend"}, int64(100)))
				return err
			}).Should(gomega.Succeed(), func() string { return "a valid VirtualService: " + kit.NotTaken(t, err) })
			t.Diagnose("a resource that Istio's rules forbid is let in, or is not refused for its fault",
				"kubectl get validatingwebhookconfigurations -o yaml; istiod sets caBundle and failurePolicy Fail once it serves",
				"https://istio.io/latest/docs/ops/common-problems/validation/")
			err = create(ctx, s, virtualService(map[string]any{"host": "backend"}, int64(-1)))
			t.Expect(err).To(gomega.MatchError(gomega.And(
				gomega.ContainSubstring("admission webhook"),
				gomega.ContainSubstring("validation.istio.io"),
				gomega.ContainSubstring("weight"),
			)), "a VirtualService with a negative weight")
			t.Observe("refused: %v", err)
		},
	}
}

// virtualService routes everything to one destination with a weight.
func virtualService(destination map[string]any, weight int64) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "networking.istio.io/v1",
		"kind":       "VirtualService",
		"metadata":   map[string]any{"generateName": "conformance-validation-", "namespace": metav1.NamespaceDefault},
		"spec": map[string]any{
			"hosts": []any{"validation.conformance.test"},
			"http": []any{map[string]any{"route": []any{
				map[string]any{"destination": destination, "weight": weight},
				map[string]any{"destination": destination, "weight": int64(1)},
			}}},
		},
	}}
}

func create(ctx context.Context, s *stack.Stack, object client.Object) error {
	return s.Client.Create(ctx, object, client.DryRunAll)
}
