package serverside

import (
	"context"
	"fmt"
	"strings"

	"github.com/onsi/gomega"
	"helm.sh/helm/v3/pkg/kube"
	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

// marker is an annotation of the Service that the charts' values set.
const marker = "conformance.test/step"

// step is one operation on a release that Helm 3 and Helm 4 have in turn.
type step struct {
	helm *charts.Client
	// value is the marker's; "" takes it away.
	value      string
	serverSide bool
	// applied says whether the API server applied the release after it.
	applied bool
}

var _ = Checks.Add(helms)

// helms has a release made by Helm 3, upgraded by Helm 4, and again by Helm 3.
func helms(s *stack.Stack) check.Check {
	return check.Check{
		Name: "helm-3-and-4-in-turn",
		Promise: "a release of Helm 3's stays applied by the client when Helm 4 upgrades it, until --server-side=true hands its fields over; " +
			"Helm 3 upgrades it after that too, and a value that is taken away takes its field away each time",
		Parallel: true,
		SkipIf:   onlyHelm4(s),
		Breaks: []check.Break{{
			Name: "helm-by-another-name", Promise: "a Helm that calls itself after the program that it is in, as its library does, is noticed",
			Make: func(ctx context.Context, t *check.T) {
				mutation.Mend(ctx, t, func(context.Context) { kube.ManagedFieldsManager = charts.Manager })
				kube.ManagedFieldsManager = "another-program"
			},
			Says: "the fields of a release do not go from one Helm to the other",
		}},
		Run: func(ctx context.Context, t *check.T) {
			r := spare(ctx, t, s, "in-turn")
			three, four := s.Helm.By(nil), s.Helm
			service := &corev1.Service{}
			service.Namespace, service.Name = r.Namespace, r.Name
			t.Diagnose("the fields of a release do not go from one Helm to the other",
				"kubectl get service --show-managed-fields: all of Helm's entries must be of the manager helm, and of one operation", link)
			r.Values = marked(r.Values, "made by 3")
			_, err := three.Install(ctx, r)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(managed(ctx, s, service)).To(updated, "how Helm %s manages the Service: %s", three.Version(), managers(service))
			for i, step := range []step{
				{helm: four, value: "upgraded by 4"},
				{helm: four},
				{helm: four, value: "handed over", serverSide: true, applied: true},
				{helm: four, applied: true},
				{helm: three, value: "upgraded by 3 again"},
				{helm: three},
				{helm: four, value: "handed over again", serverSide: true, applied: true},
				{helm: four, applied: true},
			} {
				name := fmt.Sprintf("step %d, Helm %s", i+1, step.helm.Version())
				next := r
				next.Values, next.ServerSide = marked(r.Values, step.value), step.serverSide
				_, err := step.helm.Upgrade(ctx, next)
				t.Expect(err).NotTo(gomega.HaveOccurred(), name)
				t.Expect(s.Helm.ServerSide(ctx, r.Namespace, r.Name)).To(gomega.Equal(step.applied), "%s: the release is applied by the API server", name)
				by, err := managed(ctx, s, service)
				t.Expect(err).NotTo(gomega.HaveOccurred())
				if step.helm == four {
					want := updated
					if step.applied {
						want = applied
					}
					t.Expect(by).To(want, "%s: how Helm manages the Service: %s", name, managers(service))
				}
				t.Expect(service.Annotations[marker]).To(gomega.Equal(step.value), "%s: annotation %s of the Service", name, marker)
			}
			t.Observe("Helm %s and %s in turn; who manages the Service in the end: %s", three.Version(), strings.TrimSpace(four.Version()), managers(service))
		},
	}
}

// marked are values with the marker, or without it.
func marked(values map[string]any, value string) map[string]any {
	if value == "" {
		// Helm takes a key away that is null.
		return charts.Values(values, map[string]any{"service": map[string]any{"annotations": map[string]any{marker: nil}}})
	}
	return charts.Values(values, map[string]any{"service": map[string]any{"annotations": map[string]any{marker: value}}})
}
