package kit

import (
	"context"
	"fmt"
	"time"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// RolloutTimeout bounds a rollout, on a busy machine too.
const RolloutTimeout = 2 * time.Minute

// PatchDeployment applies a strategic merge patch to a Deployment.
func PatchDeployment(ctx context.Context, s *stack.Stack, namespace, name, text string) error {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	return s.Client.Patch(ctx, d, client.RawPatch("application/strategic-merge-patch+json", []byte(text)))
}

// PatchGateway changes the container of the gateway's Deployment.
func PatchGateway(ctx context.Context, s *stack.Stack, fields string) error {
	return PatchDeployment(ctx, s, s.Gateway.Namespace, s.Gateway.Release, fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":%q,%s}]}}}}`, ProxyContainer, fields))
}

// RolledOut waits until a Deployment has no pods but ready ones of its newest template.
func RolledOut(ctx context.Context, t *check.T, s *stack.Stack, namespace, name string) {
	t.Helper()
	d := &appsv1.Deployment{}
	t.Eventually(ctx, func() (bool, error) {
		if err := s.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, d); err != nil {
			return false, err
		}
		pods, err := s.Pods(ctx, namespace, metav1.FormatLabelSelector(d.Spec.Selector))
		n := d.Status
		return n.ObservedGeneration == d.Generation && n.UpdatedReplicas == n.Replicas && n.ReadyReplicas == n.Replicas && len(pods) == int(n.Replicas), err
	}).WithTimeout(RolloutTimeout).WithPolling(time.Second).Should(gomega.BeTrue(), "rollout of Deployment %s/%s: %s", namespace, name, s.DescribePods(ctx, namespace))
}
