package crds

import (
	"context"
	"slices"
	"strings"

	"github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensionsclient "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset/typed/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

// notServed returns a break that makes a CRD stop serving one of its versions.
func notServed(name, version string) func(context.Context, *check.T, *stack.Stack) {
	return func(ctx context.Context, t *check.T, s *stack.Stack) {
		_, group, _ := strings.Cut(name, ".")
		discovered := func() bool {
			_, err := s.Cluster.Kube.Discovery().ServerResourcesForGroupVersion(group + "/" + version)
			return err == nil
		}
		mutation.Mend(ctx, t, func(ctx context.Context) {
			t.Eventually(ctx, discovered).Should(gomega.BeTrue(), "%s at %s after the mutation", name, version)
		})
		set := func(crd *apiextensionsv1.CustomResourceDefinition, served bool) {
			for i := range crd.Spec.Versions {
				if crd.Spec.Versions[i].Name == version {
					crd.Spec.Versions[i].Served = served
				}
			}
		}
		changeCRD(name, false, func(crd *apiextensionsv1.CustomResourceDefinition) func(*apiextensionsv1.CustomResourceDefinition) {
			set(crd, false)
			return func(crd *apiextensionsv1.CustomResourceDefinition) { set(crd, true) }
		})(ctx, t, s)
		t.Eventually(ctx, discovered).Should(gomega.BeFalse(), "%s at %s", name, version)
	}
}

// takeShortName gives a CRD of somebody else's a short name in Istio's group, and
// then asks for the same one for Istio's.
func takeShortName(ctx context.Context, t *check.T, s *stack.Stack) {
	const taken, group = "pc", "networking.istio.io"
	const victim = "proxyconfigs." + group
	keep := true
	other := &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "pancakes." + group, Annotations: map[string]string{"api-approved.kubernetes.io": "unapproved, a test"}},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: group, Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "pancakes", Singular: "pancake", Kind: "Pancake", ListKind: "PancakeList", ShortNames: []string{taken}},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: "v1beta1", Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: &keep}},
			}},
		},
	}
	crds := s.Cluster.APIExtensions.ApiextensionsV1().CustomResourceDefinitions()
	mutation.Mend(ctx, t, func(ctx context.Context) {
		t.Expect(crds.Delete(ctx, other.Name, metav1.DeleteOptions{})).To(gomega.Succeed())
		forgetConflict(ctx, t, crds, victim)
	})
	_, err := crds.Create(ctx, other, metav1.CreateOptions{})
	t.Expect(err).NotTo(gomega.HaveOccurred())
	accepted := func(name string) (bool, error) {
		crd, err := crds.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		i := slices.IndexFunc(crd.Status.Conditions, func(c apiextensionsv1.CustomResourceDefinitionCondition) bool {
			return c.Type == apiextensionsv1.NamesAccepted
		})
		return i >= 0 && crd.Status.Conditions[i].Status == apiextensionsv1.ConditionTrue, nil
	}
	t.Eventually(ctx, accepted).WithArguments(other.Name).Should(gomega.BeTrue(), "CRD %s", other.Name)
	changeCRD(victim, false, func(crd *apiextensionsv1.CustomResourceDefinition) func(*apiextensionsv1.CustomResourceDefinition) {
		old := crd.Spec.Names.ShortNames
		crd.Spec.Names.ShortNames = append(crd.Spec.Names.ShortNames, taken)
		return func(crd *apiextensionsv1.CustomResourceDefinition) { crd.Spec.Names.ShortNames = old }
	})(ctx, t, s)
	t.Eventually(ctx, accepted).WithArguments(victim).Should(gomega.BeFalse(), "CRD %s", victim)
}

// forgetConflict gives a CRD back the condition that its names are accepted: with
// the names that it had before, Kubernetes does not look again.
func forgetConflict(ctx context.Context, t *check.T, crds apiextensionsclient.CustomResourceDefinitionInterface, name string) {
	t.Eventually(ctx, func() error {
		crd, err := crds.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for i := range crd.Status.Conditions {
			if c := &crd.Status.Conditions[i]; c.Type == apiextensionsv1.NamesAccepted {
				c.Status, c.Reason, c.Message = apiextensionsv1.ConditionTrue, "NoConflicts", "no conflicts found"
			}
		}
		_, err = crds.UpdateStatus(ctx, crd, metav1.UpdateOptions{})
		return err
	}).Should(gomega.Succeed(), "the conditions of CRD %s", name)
}
