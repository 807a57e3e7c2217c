package order

import (
	"context"
	"os"

	"github.com/onsi/gomega"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "release-record-lost", Promise: "a release that Helm does not know is noticed",
			Break: loseReleaseRecord, Plays: "install/releases",
			Fails: map[string]string{"install/releases": "not found"},
		},
		{
			Name: "base-of-another-version", Promise: "a base of another version than istiod's is noticed",
			Break: otherBase, Plays: "install/releases",
			Fails: map[string]string{"install/releases": "chart version of release istio-base"},
		},
		{
			Name: "system-namespace-injected", Promise: "a control plane namespace that is enrolled for injection is noticed",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				mutation.Label(ctx, t, s, stack.SystemNamespace, "istio-injection", "enabled")
			},
			Plays: "install:order", Fails: map[string]string{"install/namespace": "istio-injection"},
		},
		{
			Name: "system-namespace-unlabelled", Promise: "a missing operator's label is noticed",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				mutation.Label(ctx, t, s, stack.SystemNamespace, "istio-operator-managed", "")
			},
			Plays: "install:order", Fails: map[string]string{"install/namespace": "istio-operator-managed"},
		},
	}
}

// loseReleaseRecord deletes the Secrets in which Helm keeps istiod's release.
func loseReleaseRecord(ctx context.Context, t *check.T, s *stack.Stack) {
	var list corev1.SecretList
	t.Expect(s.Client.List(ctx, &list, client.InNamespace(stack.SystemNamespace), client.MatchingLabels{"owner": "helm", "name": "istiod"})).To(gomega.Succeed())
	t.Expect(list.Items).NotTo(gomega.BeEmpty())
	for i := range list.Items {
		mutation.Remove(ctx, t, s, &list.Items[i])
	}
}

// otherBase upgrades base to a chart of the minor version before, as somebody
// does who upgrades components in the wrong order.
func otherBase(ctx context.Context, t *check.T, s *stack.Stack) {
	base := s.Releases[0]
	chart, err := loader.Load(base.Chart)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	chart.Metadata.Version = "1.0.0"
	dir, err := os.MkdirTemp("", "chart-")
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the chart: %v", err)
		}
	})
	other := base
	other.Chart, err = chartutil.Save(chart, dir)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	mutation.Mend(ctx, t, func(ctx context.Context) {
		_, err := s.Helm.Upgrade(ctx, base)
		t.Expect(err).NotTo(gomega.HaveOccurred(), "give release %s its chart back", base)
	})
	_, err = s.Helm.Upgrade(ctx, other)
	t.Expect(err).NotTo(gomega.HaveOccurred(), "Helm itself has nothing against it")
}
