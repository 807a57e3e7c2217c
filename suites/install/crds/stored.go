package crds

import (
	"context"

	"github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/stack"
)

var _ = Checks.Add(stored)

// stored checks that no object is kept in a version that the chart does not have,
// and that one version becomes another as the chart says.
func stored(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "crds-stored",
		Promise:  "objects are stored in no version that the chart does not serve, and converted as the chart says",
		Parallel: true,
		Run: func(ctx context.Context, t *check.T) {
			t.Diagnose("objects may still be stored in a version that this release no longer has, or are converted by something that is not Istio's",
				"write every object of the kind once more, as kubectl get -o json | kubectl replace -f - does, then remove the old version from the CRD's status.storedVersions",
				"https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#upgrade-existing-objects-to-a-new-stored-version")
			each(ctx, t, s, func(want istio.CRD, got *apiextensionsv1.CustomResourceDefinition) {
				var known []any
				for _, v := range want.Versions {
					known = append(known, v.Name)
				}
				t.Expect(got.Status.StoredVersions).To(gomega.And(
					gomega.ContainElement(want.StorageVersion()), gomega.HaveEach(gomega.BeElementOf(known...))), "stored versions of CRD %s", want.Name)
				if !s.Existing() {
					t.Expect(got.Status.StoredVersions).To(gomega.HaveLen(1), "stored versions of CRD %s, which only this version of the chart was installed of", want.Name)
				}
				strategy := string(apiextensionsv1.NoneConverter)
				if c := got.Spec.Conversion; c != nil {
					strategy = string(c.Strategy)
				}
				t.Expect(strategy).To(gomega.Equal(want.Conversion), "conversion strategy of CRD %s", want.Name)
			})
		},
	}
}
