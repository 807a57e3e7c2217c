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

var _ = Checks.Add(established)

// established checks what the API server itself thinks of the CRDs.
func established(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "crds-established",
		Promise:  "the API server has established every CRD, accepted its names, and found its schema sound",
		Parallel: true,
		Run: func(ctx context.Context, t *check.T) {
			each(ctx, t, s, func(want istio.CRD, got *apiextensionsv1.CustomResourceDefinition) {
				conditions := map[string]string{}
				for _, c := range got.Status.Conditions {
					conditions[string(c.Type)] = fmt.Sprintf("%s: %s", c.Status, c.Message)
				}
				judgeNames(t, want, got, conditions)
				t.Diagnose("the API server does not serve a CRD, or is about to remove it",
					"kubectl get crd "+want.Name+" -o yaml: the message of the condition says why; helm upgrade istio-base of this version",
					"https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/")
				t.Expect(conditions).To(gomega.HaveKeyWithValue("Established", gomega.HavePrefix("True")), "conditions of CRD %s", want.Name)
				for _, flaw := range []string{"NonStructuralSchema", "Terminating"} {
					t.Expect(conditions).NotTo(gomega.HaveKeyWithValue(flaw, gomega.HavePrefix("True")), "conditions of CRD %s", want.Name)
				}
			})
		},
	}
}

// judgeNames asserts that the CRD has the names which it asks for. Kubernetes does
// not look again at a conflict that is over: the condition stays until a name changes.
func judgeNames(t *check.T, want istio.CRD, got *apiextensionsv1.CustomResourceDefinition, conditions map[string]string) {
	t.Helper()
	t.Diagnose("another CRD has one of the names that a CRD of Istio's asks for: the name leads users to the other kind",
		"kubectl get crd "+want.Name+" -o yaml: the message of condition NamesAccepted says which name; remove the CRD that is in the way",
		"https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/")
	accepted := namesOf(got.Status.AcceptedNames) == namesOf(got.Spec.Names)
	t.Expect(accepted).To(gomega.BeTrue(), "CRD %s asks for %s and has %s: NamesAccepted is %s", want.Name, namesOf(got.Spec.Names), namesOf(got.Status.AcceptedNames), conditions["NamesAccepted"])
	t.Diagnose("a CRD has all its names, and its condition still tells of a conflict that is over: who waits for NamesAccepted waits for ever",
		"give CRD "+want.Name+" a short name and take it away again: only a change of names makes Kubernetes look",
		"https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/")
	t.Expect(conditions).To(gomega.HaveKeyWithValue("NamesAccepted", gomega.HavePrefix("True")), "conditions of CRD %s", want.Name)
}
