package kit

import (
	"context"
	"fmt"
	"time"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// SetIstiodEnv gives istiod a variable, waits until it runs with it, and takes it
// away when the check ends.
func SetIstiodEnv(ctx context.Context, t *check.T, s *stack.Stack, name, value string) {
	t.Helper()
	PatchIstiod(ctx, t, s,
		fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":"discovery","env":[{"name":%q,"value":%q}]}]}}}}`, name, value),
		fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":"discovery","env":[{"name":%q,"$patch":"delete"}]}]}}}}`, name))
}

// PatchIstiod applies a strategic merge patch to istiod's Deployment, waits until
// its pods are new ones, and applies the other one when the check ends.
func PatchIstiod(ctx context.Context, t *check.T, s *stack.Stack, patch, undo string) {
	t.Helper()
	apply := func(ctx context.Context, patch string) {
		t.Helper()
		deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: stack.SystemNamespace, Name: s.Revised("istiod")}}
		t.Expect(s.Client.Patch(ctx, deployment, client.RawPatch("application/strategic-merge-patch+json", []byte(patch)))).To(gomega.Succeed())
		t.Eventually(ctx, func() (bool, error) {
			err := s.Client.Get(ctx, client.ObjectKeyFromObject(deployment), deployment)
			d := deployment.Status
			return d.ObservedGeneration == deployment.Generation && d.UpdatedReplicas == d.Replicas && d.ReadyReplicas == d.Replicas && d.Replicas > 0, err
		}).WithTimeout(istiodTimeout).Should(gomega.BeTrue(), "rollout of istiod\n%s", s.DescribePods(ctx, stack.SystemNamespace))
		mustHaveIstiods(ctx, t, s, int(deployment.Status.Replicas))
		MustJudge(ctx, t, s)
	}
	t.CleanupWithin(ctx, 2*istiodTimeout, func(ctx context.Context) {
		apply(ctx, undo)
	})
	apply(ctx, patch)
}

// EditMesh adds text to the mesh configuration until the check ends; istiod reads
// it again by itself.
func EditMesh(ctx context.Context, t *check.T, s *stack.Stack, text string) {
	t.Helper()
	edit := func(ctx context.Context, change func(string) string) (old string) {
		m := &corev1.ConfigMap{}
		t.Expect(s.Client.Get(ctx, client.ObjectKey{Namespace: stack.SystemNamespace, Name: s.Revised("istio")}, m)).To(gomega.Succeed())
		old = m.Data["mesh"]
		m.Data["mesh"] = change(old)
		t.Expect(s.Client.Update(ctx, m)).To(gomega.Succeed())
		return old
	}
	var old string
	t.CleanupWithin(ctx, time.Minute, func(ctx context.Context) {
		edit(ctx, func(string) string { return old })
	})
	old = edit(ctx, func(mesh string) string { return mesh + text })
}
