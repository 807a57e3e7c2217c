package crds

import (
	"context"

	"github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/stack"
)

// each calls judge with every CRD of the chart and the cluster's of that name.
func each(ctx context.Context, t *check.T, s *stack.Stack, judge func(want istio.CRD, got *apiextensionsv1.CustomResourceDefinition)) {
	t.Helper()
	want, err := s.ExpectedCRDs(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(want).NotTo(gomega.BeEmpty(), "chart base of Istio %s renders no CRD", s.Cell.Istio)
	for _, crd := range want {
		got, err := s.Cluster.APIExtensions.ApiextensionsV1().CustomResourceDefinitions().Get(ctx, crd.Name, metav1.GetOptions{})
		t.Expect(err).NotTo(gomega.HaveOccurred(), "a CRD of the chart")
		judge(crd, got)
	}
	t.Observe("%d CRDs", len(want))
}
