package crds

import (
	"context"
	"fmt"

	"github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/stack"
)

var _ = Checks.Add(versions)

// versions compares the cluster's CRDs with those of the chart that was installed.
func versions(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "crds",
		SkipIf:   s.WithRecord("base"),
		Promise:  "every CRD of chart base is there with the chart's names and scope, and serves and stores exactly the chart's versions",
		Parallel: true,
		Run: func(ctx context.Context, t *check.T) {
			t.Diagnose("the CRDs in the cluster are not those of the installed chart",
				"helm upgrade istio-base of this version; look for CRDs that Helm does not own with kubectl get crd -l '!app.kubernetes.io/managed-by'",
				"https://istio.io/latest/docs/setup/upgrade/helm/")
			each(ctx, t, s, func(want istio.CRD, got *apiextensionsv1.CustomResourceDefinition) {
				t.Expect(string(got.Spec.Scope)).To(gomega.Equal(want.Scope), "scope of CRD %s", want.Name)
				t.Expect(namesOf(got.Spec.Names)).To(gomega.Equal(namesOf(want.Names)), "names of CRD %s", want.Name)
				t.Expect(versionsOf(got)).To(gomega.Equal(versionsWanted(want)), "versions of CRD %s", want.Name)
			})
		},
	}
}

// namesOf is all names in one line, with what the API server makes of those that
// the chart leaves out.
func namesOf(n apiextensionsv1.CustomResourceDefinitionNames) string {
	list := n.ListKind
	if list == "" {
		list = n.Kind + "List"
	}
	return fmt.Sprintf("kind %s, list %s, plural %s, short %v, categories %v", n.Kind, list, n.Plural, n.ShortNames, n.Categories)
}

// versionsOf maps each version to how the cluster has it, as in "served, stored".
func versionsOf(crd *apiextensionsv1.CustomResourceDefinition) map[string]string {
	found := map[string]string{}
	for _, v := range crd.Spec.Versions {
		found[v.Name] = versionState(v.Served, v.Storage)
	}
	return found
}

func versionsWanted(crd istio.CRD) map[string]string {
	want := map[string]string{}
	for _, v := range crd.Versions {
		want[v.Name] = versionState(v.Served, v.Storage)
	}
	return want
}

func versionState(served, stored bool) string {
	return fmt.Sprintf("served=%t stored=%t", served, stored)
}
