package crds

import (
	"context"

	"github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/istio"
	"istio-conformance/internal/stack"
)

// established checks what the API server itself thinks of the CRDs.
func established(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "crds-established",
		Promise:  "the API server has established every CRD, accepted its names, and found its schema sound",
		Parallel: true,
		Run: func(ctx context.Context, t *check.T) {
			t.Diagnose("the API server does not serve a CRD: another CRD has one of its names, or its schema is not structural",
				"kubectl get crd -o yaml: the message of the condition says which; remove the CRD that is in the way",
				"https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/")
			each(ctx, t, s, func(want istio.CRD, got *apiextensionsv1.CustomResourceDefinition) {
				conditions := map[string]string{}
				for _, c := range got.Status.Conditions {
					conditions[string(c.Type)] = string(c.Status)
				}
				t.Expect(conditions).To(gomega.HaveKeyWithValue("Established", "True"), "conditions of CRD %s", want.Name)
				t.Expect(conditions).To(gomega.HaveKeyWithValue("NamesAccepted", "True"), "conditions of CRD %s", want.Name)
				for _, flaw := range []string{"NonStructuralSchema", "Terminating"} {
					t.Expect(conditions).NotTo(gomega.HaveKeyWithValue(flaw, "True"), "conditions of CRD %s", want.Name)
				}
				t.Expect(namesOf(got.Status.AcceptedNames)).To(gomega.Equal(namesOf(got.Spec.Names)), "names that are accepted of CRD %s", want.Name)
			})
		},
	}
}
