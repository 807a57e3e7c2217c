package install

import (
	"context"
	"fmt"

	"github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/istio"
	"istio-conformance/internal/stack"
)

// crds compares the cluster's CRDs with those of the chart that was installed.
func crds(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "crds",
		Promise: "every CRD of chart base is Established and serves and stores exactly the chart's versions",
		Run: func(ctx context.Context, t *check.T) {
			want, err := s.ExpectedCRDs(ctx)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(want).NotTo(gomega.BeEmpty(), "chart base of Istio %s renders no CRD", s.Cell.Istio)
			t.Diagnose("the CRDs in the cluster are not those of the installed chart: an older release left them, or somebody replaced them",
				"helm upgrade istio-base of this version; look for CRDs that Helm does not own with kubectl get crd -l '!app.kubernetes.io/managed-by'",
				"https://istio.io/latest/docs/setup/upgrade/helm/")
			for _, crd := range want {
				got, err := s.Cluster.APIExtensions.ApiextensionsV1().CustomResourceDefinitions().Get(ctx, crd.Name, metav1.GetOptions{})
				t.Expect(err).NotTo(gomega.HaveOccurred())
				t.Expect(crdConditions(got)).To(gomega.And(
					gomega.HaveKeyWithValue("Established", "True"), gomega.HaveKeyWithValue("NamesAccepted", "True")), "conditions of CRD %s", crd.Name)
				t.Expect(versionsOf(got)).To(gomega.Equal(versionsWanted(crd)), "versions of CRD %s", crd.Name)
			}
			t.Observe("%d CRDs", len(want))
		},
	}
}

// notedCRDs compares the chart with the table of an operator's notes, so that a
// chart which lost a CRD or a version is noticed although cluster and chart agree.
func notedCRDs(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "noted-crds",
		Promise: "every kind that operators of Istio rely on is served at the version they know, unless its release note removed it",
		Run: func(_ context.Context, t *check.T) {
			noted, err := istio.NotedCRDs(s.Cell.Istio)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(noted).NotTo(gomega.BeEmpty())
			t.Diagnose("a kind that users' resources depend on is not served at its version",
				"install the base chart of this Istio version; if Istio removed the version, say so in fixtures/crds.yaml with the release note",
				"https://istio.io/latest/docs/reference/config/")
			for _, kind := range noted {
				resources, err := s.Cluster.Kube.Discovery().ServerResourcesForGroupVersion(kind.Group + "/" + kind.Version)
				t.Expect(err).NotTo(gomega.HaveOccurred(), "%s/%s", kind.Group, kind.Version)
				var kinds []string
				for _, r := range resources.APIResources {
					kinds = append(kinds, r.Kind)
				}
				t.Expect(kinds).To(gomega.ContainElement(kind.Kind), "kinds of %s/%s", kind.Group, kind.Version)
			}
			t.Observe("%d kinds of the notes", len(noted))
		},
	}
}

func crdConditions(crd *apiextensionsv1.CustomResourceDefinition) map[string]string {
	found := map[string]string{}
	for _, c := range crd.Status.Conditions {
		found[string(c.Type)] = string(c.Status)
	}
	return found
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
