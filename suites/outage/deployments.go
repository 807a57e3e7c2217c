package outage

import (
	"context"
	"fmt"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// touch begins a rollout without any other change, as kubectl rollout restart does.
func touch(ctx context.Context, s *stack.Stack, namespace, name string) error {
	return kit.PatchDeployment(ctx, s, namespace, name, fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"conformance/restarted":%q}}}}}`, rand.String(8)))
}

// restart replaces all pods of a Deployment and waits until only new ones are left.
func restart(ctx context.Context, t *check.T, s *stack.Stack, namespace, name string) {
	t.Helper()
	t.Expect(touch(ctx, s, namespace, name)).To(gomega.Succeed(), "restart Deployment %s/%s", namespace, name)
	kit.RolledOut(ctx, t, s, namespace, name)
}

// scale gives a Deployment so many pods, waits until no other is left, and returns how to
// give it the old number back, which also happens when the check ends.
func scale(ctx context.Context, t *check.T, s *stack.Stack, namespace, name string, replicas int32) (give func(context.Context)) {
	t.Helper()
	d := &appsv1.Deployment{}
	t.Expect(s.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, d)).To(gomega.Succeed())
	old, selector := ptr.Deref(d.Spec.Replicas, 1), metav1.FormatLabelSelector(d.Spec.Selector)
	set := func(ctx context.Context, replicas int32) {
		t.Helper()
		t.Expect(kit.PatchDeployment(ctx, s, namespace, name, fmt.Sprintf(`{"spec":{"replicas":%d}}`, replicas))).To(gomega.Succeed())
		t.Eventually(ctx, func() ([]corev1.Pod, error) { return s.Pods(ctx, namespace, selector) }).WithTimeout(backTimeout).
			Should(gomega.HaveLen(int(replicas)), "pods of Deployment %s/%s, also such as are being deleted", namespace, name)
	}
	give = func(ctx context.Context) { set(ctx, old) }
	t.CleanupWithin(ctx, backTimeout, give)
	set(ctx, replicas)
	return give
}
