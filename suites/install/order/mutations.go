package order

import (
	"context"

	"github.com/onsi/gomega"
	"helm.sh/helm/v3/pkg/chart"
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
			Fails: map[string]string{"install/releases": "Helm does not know a release"},
		},
		{
			Name: "base-of-another-version", Promise: "a base of another version than istiod's is noticed",
			Break: otherBase, Plays: "install/releases",
			Fails: map[string]string{"install/releases": "a release is of another version than the others"},
		},
		{
			Name: "system-namespace-injected", Promise: "a control plane namespace that is enrolled for injection is noticed",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				mutation.Label(ctx, t, s, stack.SystemNamespace, "istio-injection", "enabled")
			},
			Plays: "install:order", Fails: map[string]string{"install/namespace": "by which pods of the control plane get sidecars"},
		},
		{
			Name: "system-namespace-of-a-revision", Promise: "a control plane namespace that a revision injects into is noticed",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				mutation.Label(ctx, t, s, stack.SystemNamespace, "istio.io/rev", "default")
			},
			Plays: "install:order", Fails: map[string]string{"install/namespace": "by which pods of the control plane get sidecars"},
		},
		{
			Name: "system-namespace-unlabelled", Promise: "a missing operator's label is noticed",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				mutation.Label(ctx, t, s, stack.SystemNamespace, "istio-operator-managed", "")
			},
			Plays: "install:order", Fails: map[string]string{"install/namespace": "lacks a label that operators give it"},
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

// otherBase upgrades base to a chart of another version, as somebody does who
// upgrades only some of the components.
func otherBase(ctx context.Context, t *check.T, s *stack.Stack) {
	mutation.Upgrade(ctx, t, s, s.Releases[0], func(c *chart.Chart) { c.Metadata.Version = "1.0.0" })
}
