package discovery

import (
	"context"
	"fmt"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// readinessGate is the condition that fixtures/install/gated-pod.yaml waits for.
// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-readiness-gate
const readinessGate = "conformance.test/ready"

var _ = Checks.Add(notReady)

// notReady has a pod that serves all the time and is ready only in between.
func notReady(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "not-ready-unused",
		Promise:  "a pod that runs but is not ready gets no request; it does as soon as it is ready, and none any more when it no longer is",
		Parallel: true,
		Long:     true,
		Run: func(ctx context.Context, t *check.T) {
			c := kit.NewScratch(ctx, t, s, "ready")
			ready := c.Workload(ctx, t, nil)
			c.Apply(ctx, t, "gated-pod", map[string]string{"Backend": s.Images.Backend})
			gated := running(ctx, t, s, c)
			mustKnow(ctx, t, c, []corev1.Pod{ready})
			mustAnswer(ctx, t, c, []corev1.Pod{ready})
			for _, step := range []struct {
				status string
				pods   []corev1.Pod
			}{
				{"True", []corev1.Pod{ready, gated}},
				{"False", []corev1.Pod{ready}},
			} {
				t.Expect(setGate(ctx, s, gated, step.status)).To(gomega.Succeed())
				mustKnow(ctx, t, c, step.pods)
				mustAnswer(ctx, t, c, step.pods)
			}
		},
	}
}

// running waits until the gated pod's container runs.
func running(ctx context.Context, t *check.T, s *stack.Stack, c kit.Scratch) corev1.Pod {
	t.Helper()
	pod := corev1.Pod{}
	key := client.ObjectKey{Namespace: c.Namespace, Name: c.Name + "-gated"}
	t.Eventually(ctx, func() ([]corev1.PodCondition, error) {
		err := s.Client.Get(ctx, key, &pod)
		return pod.Status.Conditions, err
	}).WithTimeout(kit.WorkloadTimeout).Should(gomega.ContainElement(gomega.And(
		gomega.HaveField("Type", corev1.ContainersReady), gomega.HaveField("Status", corev1.ConditionTrue))), "%s", s.DescribePods(ctx, c.Namespace))
	return pod
}

// setGate says whether the pod is ready.
func setGate(ctx context.Context, s *stack.Stack, pod corev1.Pod, status string) error {
	patch := fmt.Sprintf(`{"status":{"conditions":[{"type":%q,"status":%q}]}}`, readinessGate, status)
	target := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name}}
	return s.Client.Status().Patch(ctx, target, client.RawPatch("application/strategic-merge-patch+json", []byte(patch)))
}
