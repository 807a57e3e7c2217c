package existing

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/report"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

// leaveTimeout bounds the end of the namespace with what is in it.
const leaveTimeout = 2 * time.Minute

// readOnly plays the suite against the run's own cluster as if it were a user's.
func readOnly(s *stack.Stack, suite func(*stack.Stack) check.Suite) check.Check {
	return check.Check{
		Name:    "read-only",
		Feature: "existing",
		Promise: "the same checks pass against the cluster as one that was there before, and leave every object in it as it was, but for one namespace that goes with them",
		Timeout: 8 * time.Minute,
		SkipIf:  s.WhyNotOurs,
		Run: func(ctx context.Context, t *check.T) {
			mustLeaveNothing(ctx, t, s, stack.ScopeRead, func(other *stack.Stack) []check.Suite { return []check.Suite{suite(other)} })
		},
	}
}

// played are the checks of oneNamespace: of each way to change something that is not in
// the namespace one at least, and few enough to be quick.
const played = "install/strict-mtls,ingress/route-match,ingress/retries,ingress/tls-by-server-name,ingress/node-port-of-every-node," +
	"ingress/tls-broken-secret,ingress/authorization-deny"

// oneNamespace plays some checks of both suites with pods, routes and Secrets.
func oneNamespace(s *stack.Stack, suites ...func(*stack.Stack) check.Suite) check.Check {
	return check.Check{
		Name:    "one-namespace",
		Feature: "existing",
		Promise: "with SCOPE=namespace checks that make pods, routes, policies and Secrets pass against the cluster as one that was there before, and leave every object in it as it was",
		Timeout: 8 * time.Minute,
		SkipIf:  s.WhyNotOurs,
		Run: func(ctx context.Context, t *check.T) {
			mustLeaveNothing(ctx, t, s, stack.ScopeNamespace, func(other *stack.Stack) []check.Suite {
				var all []check.Suite
				for _, suite := range suites {
					all = append(all, suite(other))
				}
				selection, err := check.Select(played, all)
				t.Expect(err).NotTo(gomega.HaveOccurred())
				return selection.Plan(all)
			})
		},
	}
}

// mustLeaveNothing plays suites against the run's own cluster as a user's, and compares
// every object before and after.
func mustLeaveNothing(ctx context.Context, t *check.T, s *stack.Stack, scope string, suites func(*stack.Stack) []check.Suite) {
	t.Helper()
	t.Diagnose("an installation by Helm is not found in a cluster that was there before", "helm list --all-namespaces: charts base, istiod and gateway must be there",
		"https://istio.io/latest/docs/setup/install/helm/")
	other, err := s.AsExisting(ctx, scope)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	// Also when an assertion below fails.
	t.CleanupWithin(ctx, leaveTimeout, func(ctx context.Context) {
		t.Expect(other.Leave(ctx)).To(gomega.Succeed())
	})
	mustBeSettled(ctx, t, s)
	before, err := look(ctx, s)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	played := mustPass(ctx, t, suites(other))
	mustBeGone(ctx, t, s, other)
	t.Diagnose("while the checks ran something changed in a cluster that they only may read",
		"kubectl get --show-managed-fields of what is named says who", "https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management")
	after, err := look(ctx, s)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(changes(before, after)).To(gomega.BeEmpty(), "what is not as it was before")
	t.Observe("%s; %d objects as before", played, len(after))
}

// mustBeSettled waits until no namespace is going away, such as that of a run before
// this one: what goes with it would look like the checks' doing.
func mustBeSettled(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Helper()
	t.Diagnose("a namespace is going away and does not", "kubectl get namespace -o yaml: its conditions say what holds it",
		"https://kubernetes.io/docs/tasks/administer-cluster/namespaces/#deleting-a-namespace")
	t.Eventually(ctx, func() ([]string, error) {
		var list corev1.NamespaceList
		err := s.Client.List(ctx, &list)
		var ending []string
		for i := range list.Items {
			if !list.Items[i].DeletionTimestamp.IsZero() {
				ending = append(ending, list.Items[i].Name)
			}
		}
		return ending, err
	}).WithTimeout(leaveTimeout).Should(gomega.BeEmpty(), "namespaces that are going away")
}

// mustPass plays the suites and asserts that nothing fails.
func mustPass(ctx context.Context, t *check.T, suites []check.Suite) string {
	t.Helper()
	t.Diagnose("a check that holds in a cluster of the harness's own making fails in the same one as an existing cluster",
		"what fails is named above; run it by itself: CLUSTER=existing INSTALL=skip RUN=install/<check>", "https://istio.io/latest/docs/setup/install/helm/")
	tests, err := mutation.Play(ctx, suites)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	counts := map[report.Status]int{}
	var failed []string
	for _, test := range tests {
		counts[test.Status]++
		if test.Status == report.Fail {
			failed = append(failed, fmt.Sprintf("%s: %s; %s", test.ID(), strings.Join(test.Failures, "; "), test.Diagnosis.Cause))
		}
	}
	t.Expect(failed).To(gomega.BeEmpty(), "checks that failed, of %d", len(tests))
	t.Expect(counts[report.Pass]).To(gomega.BeNumerically(">", len(tests)/2), "checks that passed, of %d", len(tests))
	return fmt.Sprintf("%d checks passed, %d were skipped", counts[report.Pass], counts[report.Skip])
}

// mustBeGone asserts that the run had a namespace of its own and took it along.
func mustBeGone(ctx context.Context, t *check.T, s, other *stack.Stack) {
	t.Helper()
	t.Diagnose("the namespace of a run's own stays in a cluster that is somebody else's",
		"kubectl get namespace -o yaml: its conditions say what holds it; delete it", "https://kubernetes.io/docs/tasks/administer-cluster/namespaces/#deleting-a-namespace")
	namespace, err := other.ScratchNamespace(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(other.Leave(ctx)).To(gomega.Succeed())
	err = s.Client.Get(ctx, client.ObjectKey{Name: namespace}, &corev1.Namespace{})
	t.Expect(client.IgnoreNotFound(err)).To(gomega.Succeed())
	t.Expect(err).To(gomega.HaveOccurred(), "Namespace %s after the run", namespace)
}
