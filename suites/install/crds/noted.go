package crds

import (
	"context"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/stack"
)

var _ = Checks.Add(noted)

// noted compares the chart with the table of an operator's notes, so that a
// chart which lost a CRD or a version is noticed although cluster and chart agree.
func noted(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "noted-crds",
		Parallel: true,
		Promise:  "every kind that operators of Istio rely on is served at the version they know, unless its release note removed it",
		Run: func(_ context.Context, t *check.T) {
			kinds, err := istio.NotedCRDs(s.Cell.Istio)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(kinds).NotTo(gomega.BeEmpty())
			t.Diagnose("a kind that users' resources depend on is not served at its version",
				"install the base chart of this Istio version; if Istio removed the version, say so in fixtures/crds.yaml with the release note",
				"https://istio.io/latest/docs/reference/config/")
			for _, kind := range kinds {
				resources, err := s.Cluster.Kube.Discovery().ServerResourcesForGroupVersion(kind.Group + "/" + kind.Version)
				t.Expect(err).NotTo(gomega.HaveOccurred(), "%s/%s", kind.Group, kind.Version)
				var served []string
				for _, r := range resources.APIResources {
					served = append(served, r.Kind)
				}
				t.Expect(served).To(gomega.ContainElement(kind.Kind), "kinds of %s/%s", kind.Group, kind.Version)
			}
			t.Observe("%d kinds of the notes", len(kinds))
		},
	}
}
