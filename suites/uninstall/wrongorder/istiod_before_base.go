package wrongorder

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio-conformance/fixtures"
	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// Second: it removes the CRDs.
var _ = Checks.AddAt(2, istiodBeforeBase)

// istiodBeforeBase installs istiod into a cluster that knows none of its kinds.
// Recent istiods become ready all the same, and wait for the CRDs in silence:
// what fails is all that is to be configured.
func istiodBeforeBase(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "istiod-before-base",
		Promise: "istiod without base is of no use: Istio's kinds are not known, so that nothing can be configured",
		Timeout: 5 * time.Minute,
		Run: func(ctx context.Context, t *check.T) {
			t.Diagnose("the CRDs do not go away", "look at their finalizers and at objects of their kinds that have some",
				"https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#delete-a-customresourcedefinition")
			removeCRDs(ctx, t, s)
			istiod := planned(t, s, "istiod")
			istiod.Timeout = 90 * time.Second
			undo(ctx, t, s, istiod)
			_, installErr := s.Helm.Install(ctx, istiod)
			scratch := kit.NewScratch(ctx, t, s, "before-base")
			t.Diagnose("Istio's kinds are known although chart base is not installed",
				"kubectl get crd -l app.kubernetes.io/managed-by: find who made them, before base is installed", "https://istio.io/latest/docs/setup/install/helm/")
			configureErr := configure(ctx, s, scratch)
			t.Expect(configureErr).To(gomega.MatchError(meta.IsNoMatchError, "is a kind that nobody knows"), "a Gateway and a VirtualService without chart base")
			t.Observe("helm install of istiod: %s; configuration: %v", outcome(installErr), configureErr)
		},
	}
}

func outcome(err error) string {
	if err == nil {
		return "accepted, and ready"
	}
	return fmt.Sprintf("%.200s", err)
}

// configure applies a route, as a user would next.
func configure(ctx context.Context, s *stack.Stack, c kit.Scratch) error {
	manifest, err := fixtures.Files.ReadFile("install/answer.yaml")
	if err != nil {
		return err
	}
	objects, err := kube.Render(manifest, c.Values(map[string]string{"Body": "none"}))
	if err != nil {
		return err
	}
	return kube.Apply(ctx, s.Client, c.Namespace, objects)
}

// istioCRDs returns the CRDs of Istio's groups.
func istioCRDs(ctx context.Context, s *stack.Stack) ([]apiextensionsv1.CustomResourceDefinition, error) {
	list, err := s.Cluster.APIExtensions.ApiextensionsV1().CustomResourceDefinitions().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list CRDs: %w", err)
	}
	var found []apiextensionsv1.CustomResourceDefinition
	for _, crd := range list.Items {
		if strings.HasSuffix(crd.Spec.Group, ".istio.io") {
			found = append(found, crd)
		}
	}
	return found, nil
}

// removeCRDs deletes Istio's CRDs with all objects of their kinds, and waits until
// the API server knows them no more.
func removeCRDs(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Helper()
	crds, err := istioCRDs(ctx, s)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	for i := range crds {
		err := s.Cluster.APIExtensions.ApiextensionsV1().CustomResourceDefinitions().Delete(ctx, crds[i].Name, metav1.DeleteOptions{})
		t.Expect(err).NotTo(gomega.HaveOccurred(), "delete CRD %s", crds[i].Name)
	}
	t.Eventually(ctx, func() (int, error) {
		left, err := istioCRDs(ctx, s)
		return len(left), err
	}).WithTimeout(time.Minute).Should(gomega.BeZero(), "CRDs of Istio")
	t.Expect(s.RenewClient()).To(gomega.Succeed())
}
