package crds

import (
	"context"

	"github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/stack"
)

// How Helm marks what a release owns, and what it must not delete.
// https://helm.sh/docs/topics/charts_hooks/, https://helm.sh/docs/howto/charts_tips_and_tricks/
const (
	managedBy        = "app.kubernetes.io/managed-by"
	releaseName      = "meta.helm.sh/release-name"
	releaseNamespace = "meta.helm.sh/release-namespace"
	resourcePolicy   = "helm.sh/resource-policy"
)

var _ = Checks.Add(owned)

// owned checks that the next upgrade will find the CRDs to be its own.
func owned(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "crds-owned",
		SkipIf:   s.WithRecord("base"),
		Promise:  "every CRD belongs to the base release, so that its upgrades take the CRDs along, and is kept when the release goes",
		Parallel: true,
		Run: func(ctx context.Context, t *check.T) {
			base := s.Releases[0]
			t.Diagnose("Helm does not own a CRD: the next upgrade of "+base.Name+" would end with \"invalid ownership metadata\", or leave the CRD behind",
				"kubectl label crd NAME app.kubernetes.io/managed-by=Helm; kubectl annotate crd NAME meta.helm.sh/release-name="+base.Name+" meta.helm.sh/release-namespace="+base.Namespace,
				"https://istio.io/latest/docs/setup/upgrade/helm/")
			each(ctx, t, s, func(want istio.CRD, got *apiextensionsv1.CustomResourceDefinition) {
				if !want.Templated {
					return
				}
				t.Expect(got.Labels).To(gomega.HaveKeyWithValue(managedBy, "Helm"), "labels of CRD %s", want.Name)
				t.Expect(got.Annotations).To(gomega.And(
					gomega.HaveKeyWithValue(releaseName, base.Name), gomega.HaveKeyWithValue(releaseNamespace, base.Namespace)), "annotations of CRD %s", want.Name)
				t.Expect(got.Annotations).To(gomega.HaveKeyWithValue(resourcePolicy, "keep"), "without it helm uninstall deletes CRD %s and every object of its kind", want.Name)
			})
		},
	}
}
