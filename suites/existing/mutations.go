package existing

import (
	"context"
	"strings"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the check proves.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "existing-account-gone", Promise: "what is broken in a cluster that was there before is noticed as in an own one",
			Break: removeAccount, Plays: "existing/read-only",
			Fails: map[string]string{"existing/read-only": "the cluster is not what Helm installed"},
		},
		{
			Name: "existing-namespace-stays", Promise: "a run that leaves its namespace in somebody else's cluster is noticed",
			Break: keepNamespaces, Plays: "existing/read-only",
			Fails: map[string]string{"existing/read-only": "the namespace of a run's own stays"},
		},
		{
			Name: "existing-object-written", Promise: "an object that is written while only reading is allowed is noticed",
			Break: writeMeanwhile, Plays: "existing/read-only",
			Fails: map[string]string{"existing/read-only": "something changed in a cluster that they only may read"},
		},
		{
			Name: "existing-object-written-beside", Promise: "an object outside the one namespace that is written with SCOPE=namespace is noticed",
			Break: writeMeanwhile, Plays: "existing/one-namespace",
			Fails: map[string]string{"existing/one-namespace": "something changed in a cluster that they only may read"},
		},
	}
}

func removeAccount(ctx context.Context, t *check.T, s *stack.Stack) {
	account := &corev1.ServiceAccount{}
	t.Expect(s.Client.Get(ctx, client.ObjectKey{Namespace: stack.SystemNamespace, Name: "istio-reader-service-account"}, account)).To(gomega.Succeed())
	mutation.Remove(ctx, t, s, account)
}

// keepNamespaces lets nobody delete a namespace of the kind that a run makes.
func keepNamespaces(ctx context.Context, t *check.T, s *stack.Stack) {
	scratch, err := s.ScratchNamespace(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	known := namespaces(ctx, t, s)
	mutation.Mend(ctx, t, func(ctx context.Context) {
		for name := range namespaces(ctx, t, s) {
			if known[name] || !strings.HasPrefix(name, s.Namespace) {
				continue
			}
			// The policy is in force for a moment after its end.
			t.Eventually(ctx, func() error {
				return s.Client.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
			}).WithTimeout(leaveTimeout).Should(gomega.Satisfy(apierrors.IsNotFound), "Namespace %s, after its removal", name)
		}
	})
	mutation.ApplyFixture(ctx, t, s, "no-namespace-end", nil)
	probe := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: scratch}}
	t.Eventually(ctx, func() error { return s.Client.Delete(ctx, probe.DeepCopy(), client.DryRunAll) }).
		Should(gomega.MatchError(gomega.ContainSubstring("no-namespace-end")), "the policy is in force")
}

// writeMeanwhile writes an object as soon as a run has made its namespace.
func writeMeanwhile(ctx context.Context, t *check.T, s *stack.Stack) {
	written := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "written-meanwhile"}}
	known := namespaces(ctx, t, s)
	ctx, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	mutation.Mend(ctx, t, func(ctx context.Context) {
		stop()
		t.Expect(<-done).To(gomega.Or(gomega.Succeed(), gomega.MatchError(context.Canceled)))
		t.Expect(client.IgnoreNotFound(s.Client.Delete(ctx, written))).To(gomega.Succeed())
	})
	events, err := s.Cluster.Kube.CoreV1().Namespaces().Watch(ctx, metav1.ListOptions{})
	t.Expect(err).NotTo(gomega.HaveOccurred())
	go func() {
		defer events.Stop()
		for event := range events.ResultChan() {
			if ns, ok := event.Object.(*corev1.Namespace); !ok || known[ns.Name] {
				continue
			}
			err := s.Client.Create(ctx, written)
			if apierrors.IsAlreadyExists(err) {
				err = nil
			}
			done <- err
			return
		}
		done <- ctx.Err()
	}()
}

func namespaces(ctx context.Context, t *check.T, s *stack.Stack) map[string]bool {
	t.Helper()
	var list corev1.NamespaceList
	t.Expect(s.Client.List(ctx, &list)).To(gomega.Succeed())
	known := map[string]bool{}
	for i := range list.Items {
		known[list.Items[i].Name] = true
	}
	return known
}
