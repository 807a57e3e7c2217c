package serverside

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

var _ = Checks.Add(owners)

// owners asks of every object of the releases who manages its fields.
func owners(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "field-owners",
		Promise:  "every object of a release that Helm 4 installed is applied by the manager helm, and by no other name of Helm's",
		Parallel: true,
		SkipIf:   onlyHelm4(s),
		Breaks: []check.Break{{
			Name: "owners-lost", Promise: "an object whose fields nobody is noted to manage, as after a restore, is noticed",
			Make: mutation.On(s, loseOwners), Says: "is not applied by Helm",
		}},
		Run: func(ctx context.Context, t *check.T) {
			others, seen := map[string]bool{}, 0
			var wrong []string
			for _, r := range s.Releases {
				release, err := s.Helm.Get(ctx, r.Namespace, r.Name)
				t.Expect(err).NotTo(gomega.HaveOccurred())
				objects, err := kube.Decode(strings.NewReader(release.Manifest))
				t.Expect(err).NotTo(gomega.HaveOccurred())
				t.Expect(kube.Place(s.Client, r.Namespace, objects)).To(gomega.Succeed())
				for _, object := range objects {
					by, err := managed(ctx, s, object)
					t.Expect(err).NotTo(gomega.HaveOccurred())
					seen++
					if !by[metav1.ManagedFieldsOperationApply] || by[metav1.ManagedFieldsOperationUpdate] {
						wrong = append(wrong, fmt.Sprintf("%s of release %s: %s", kube.Name(object), r, managers(object)))
					}
					for _, entry := range object.GetManagedFields() {
						if entry.Manager != charts.Manager {
							others[entry.Manager] = true
						}
					}
				}
			}
			t.Diagnose("an object of a release is not applied by Helm: the next upgrade cannot tell which fields are Helm's",
				"kubectl get --show-managed-fields; one upgrade with --server-side=true --force-conflicts makes Helm the owner again", link)
			t.Expect(wrong).To(gomega.BeEmpty(), "objects by who manages their fields")
			t.Expect(seen).To(gomega.BeNumerically(">", 0), "objects of the releases")
			t.Observe("%d objects are applied by %s; other managers of their fields: %s", seen, charts.Manager, strings.Join(slices.Sorted(maps.Keys(others)), ", "))
		},
	}
}

// managers lists who manages an object's fields, and how.
func managers(object client.Object) string {
	var all []string
	for _, entry := range object.GetManagedFields() {
		all = append(all, fmt.Sprintf("%s (%s)", entry.Manager, entry.Operation))
	}
	if len(all) == 0 {
		return "nobody"
	}
	return strings.Join(all, ", ")
}

// loseOwners takes the notes of who manages its fields from the gateway's Service.
func loseOwners(ctx context.Context, t *check.T, s *stack.Stack) {
	gateway := *s.GatewayRelease()
	mutation.Mend(ctx, t, func(ctx context.Context) {
		_, err := s.Helm.Upgrade(ctx, gateway)
		t.Expect(err).NotTo(gomega.HaveOccurred(), "make Helm the owner again")
	})
	service := &corev1.Service{}
	service.Namespace, service.Name = s.Gateway.Namespace, s.Gateway.Release
	// An empty entry resets the list: https://kubernetes.io/docs/reference/using-api/server-side-apply/#clearing-managedfields
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"managedFields":[{}]}}`))
	t.Expect(s.Client.Patch(ctx, service, patch)).To(gomega.Succeed())
}
