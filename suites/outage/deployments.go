package outage

import (
	"context"
	"fmt"
	"time"

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

// patch applies a strategic merge patch to a Deployment.
func patch(ctx context.Context, s *stack.Stack, namespace, name, text string) error {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	return s.Client.Patch(ctx, d, client.RawPatch("application/strategic-merge-patch+json", []byte(text)))
}

// patchProxy changes the container of the gateway's Deployment.
func patchProxy(ctx context.Context, s *stack.Stack, fields string) error {
	return patch(ctx, s, s.Gateway.Namespace, s.Gateway.Release, fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":%q,%s}]}}}}`, kit.ProxyContainer, fields))
}

// touch begins a rollout without any other change, as kubectl rollout restart does.
func touch(ctx context.Context, s *stack.Stack, namespace, name string) error {
	return patch(ctx, s, namespace, name, fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"conformance/restarted":%q}}}}}`, rand.String(8)))
}

// restart replaces all pods of a Deployment and waits until only new ones are left.
func restart(ctx context.Context, t *check.T, s *stack.Stack, namespace, name string) {
	t.Helper()
	t.Expect(touch(ctx, s, namespace, name)).To(gomega.Succeed(), "restart Deployment %s/%s", namespace, name)
	rolledOut(ctx, t, s, namespace, name)
}

// rolledOut waits until a Deployment has no pods but ready ones of its newest template.
func rolledOut(ctx context.Context, t *check.T, s *stack.Stack, namespace, name string) {
	t.Helper()
	d := &appsv1.Deployment{}
	t.Eventually(ctx, func() (bool, error) {
		if err := s.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, d); err != nil {
			return false, err
		}
		pods, err := s.Pods(ctx, namespace, metav1.FormatLabelSelector(d.Spec.Selector))
		n := d.Status
		return n.ObservedGeneration == d.Generation && n.UpdatedReplicas == n.Replicas && n.ReadyReplicas == n.Replicas && len(pods) == int(n.Replicas), err
	}).WithTimeout(backTimeout).WithPolling(time.Second).Should(gomega.BeTrue(), "rollout of Deployment %s/%s: %s", namespace, name, s.DescribePods(ctx, namespace))
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
		t.Expect(patch(ctx, s, namespace, name, fmt.Sprintf(`{"spec":{"replicas":%d}}`, replicas))).To(gomega.Succeed())
		t.Eventually(ctx, func() ([]corev1.Pod, error) { return s.Pods(ctx, namespace, selector) }).WithTimeout(backTimeout).
			Should(gomega.HaveLen(int(replicas)), "pods of Deployment %s/%s, also such as are being deleted", namespace, name)
	}
	give = func(ctx context.Context) { set(ctx, old) }
	t.CleanupWithin(ctx, backTimeout, give)
	set(ctx, replicas)
	return give
}
