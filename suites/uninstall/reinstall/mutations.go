package reinstall

import (
	"context"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the check proves.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "root-lost", Promise: "an installation with another root than the one before is noticed",
			Break: loseRoot, Plays: "uninstall/reinstall",
			Fails: map[string]string{"uninstall/reinstall": "a new installation has another root than the old one"},
		},
		{
			Name: "webhook-left-behind", Promise: "a webhook without its istiod that is in the way of the next installation is noticed",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				mutation.MendInstallation(ctx, t, s)
				mutation.ApplyFixture(ctx, t, s, "webhook-without-istiod", map[string]string{"Namespace": stack.SystemNamespace})
			},
			Plays: "uninstall/reinstall", Fails: map[string]string{"uninstall/reinstall": "Istio cannot be installed where it was before"},
		},
	}
}

// loseRoot deletes the Secret with the mesh's root. Workloads trust the old one, so
// that it comes back in the end, with an istiod that reads it.
func loseRoot(ctx context.Context, t *check.T, s *stack.Stack) {
	mutation.MendInstallation(ctx, t, s)
	root := &corev1.Secret{}
	key := client.ObjectKey{Namespace: stack.SystemNamespace, Name: rootSecret}
	t.Expect(s.Client.Get(ctx, key, root)).To(gomega.Succeed())
	mutation.Mend(ctx, t, func(ctx context.Context) {
		t.Expect(s.Uninstall(ctx)).To(gomega.Succeed())
		t.Expect(client.IgnoreNotFound(s.Client.Delete(ctx, root.DeepCopy()))).To(gomega.Succeed())
		mutation.PutBack(ctx, t, s, root)
	})
	t.Expect(s.Client.Delete(ctx, root.DeepCopy())).To(gomega.Succeed())
}
