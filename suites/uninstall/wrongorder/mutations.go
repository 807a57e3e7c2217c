package wrongorder

import (
	"context"

	"github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "crds-owned-by-nobody", Promise: "CRDs that any release may take over are noticed",
			Break: disown, Plays: "uninstall/install-over-leftovers",
			Fails: map[string]string{"uninstall/install-over-leftovers": "two releases may own the CRDs in turn"},
		},
	}
}

// disown gives the CRDs the marks of the release that the check tries, so that
// Helm takes them for its own.
func disown(ctx context.Context, t *check.T, s *stack.Stack) {
	mutation.Mend(ctx, t, func(ctx context.Context) {
		set(ctx, t, s, s.Releases[0].Name)
		t.Expect(s.Install(ctx)).To(gomega.Succeed(), "install Istio again")
	})
	set(ctx, t, s, "another-base")
}

func set(ctx context.Context, t *check.T, s *stack.Stack, owner string) {
	crds, err := istioCRDs(ctx, s)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(crds).NotTo(gomega.BeEmpty())
	for _, crd := range crds {
		patch := []byte(`{"metadata":{"annotations":{"meta.helm.sh/release-name":"` + owner + `"}}}`)
		_, err := s.Cluster.APIExtensions.ApiextensionsV1().CustomResourceDefinitions().Patch(ctx, crd.Name, types.MergePatchType, patch, metav1.PatchOptions{})
		t.Expect(err).NotTo(gomega.HaveOccurred(), "CRD %s", crd.Name)
	}
}
