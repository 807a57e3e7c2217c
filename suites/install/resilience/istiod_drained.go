package resilience

import (
	"context"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var _ = Checks.AddAt(2, istiodDrained)

// istiodDrained evicts one of two istiods, as a drain of its node does.
func istiodDrained(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "istiod-drained",
		Promise: "with two istiods the eviction of one, as by a drain of its node, fails no request and holds up no configuration",
		Timeout: 5 * time.Minute,
		Run: func(ctx context.Context, t *check.T) {
			c := kit.NewScratch(ctx, t, s, "drained")
			c.StartWorkload(ctx, t, map[string]string{"Inject": "true"})
			t.Diagnose("a second istiod does not become ready", "look at istiod's pods and events in the evidence: does a second one fit on the nodes?",
				"https://istio.io/latest/docs/ops/common-problems/")
			kit.ScaleIstiod(ctx, t, s, 2)
			c.AwaitWorkload(ctx, t)
			pods := kit.IstiodPods(ctx, t, s)
			t.Expect(pods).To(gomega.HaveLen(2))
			victim, node := pods[0], pods[0].Spec.NodeName
			t.Diagnose("the node of an istiod cannot be cordoned", "look at the Node", "https://kubernetes.io/docs/tasks/administer-cluster/safely-drain-node/")
			t.Cleanup(func() {
				if err := cordon(context.WithoutCancel(ctx), s, node, false); err != nil {
					t.Errorf("uncordon Node %s: %v", node, err)
				}
			})
			t.Expect(cordon(ctx, s, node, true)).To(gomega.Succeed(), "cordon Node %s", node)
			traffic := kit.StartTraffic(ctx, c)
			t.Cleanup(func() { traffic.Stop() })
			t.Diagnose("the eviction of an istiod is refused although another one is ready",
				"kubectl get poddisruptionbudgets -n "+stack.SystemNamespace, "https://kubernetes.io/docs/tasks/run-application/configure-pdb/")
			t.Eventually(ctx, func() error { return evict(ctx, s, victim) }).Should(gomega.Succeed(), "evict pod %s", victim.Name)
			// Not when the next one is ready: the other one must do meanwhile.
			mustConfigure(ctx, t, s)
			t.Expect(cordon(ctx, s, node, false)).To(gomega.Succeed(), "uncordon Node %s", node)
			t.Eventually(ctx, func() (bool, error) {
				ready, err := s.ReadyPods(ctx, stack.SystemNamespace, kit.IstiodSelector)
				return len(ready) == 2 && ready[0].UID != victim.UID && ready[1].UID != victim.UID, err
			}).WithTimeout(recoverTimeout).Should(gomega.BeTrue(), "two istiods after the eviction of %s\n%s", victim.Name, s.DescribePods(ctx, stack.SystemNamespace))
			mustReconnect(ctx, t, s)
			result := traffic.Stop()
			mustHaveServed(t, result)
			t.Observe("pod %s evicted; %d requests meanwhile", victim.Name, result.Requests)
		},
	}
}

// cordon keeps new pods from a node, or lets them on it again.
func cordon(ctx context.Context, s *stack.Stack, name string, unschedulable bool) error {
	node, err := s.Cluster.Kube.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	node.Spec.Unschedulable = unschedulable
	_, err = s.Cluster.Kube.CoreV1().Nodes().Update(ctx, node, metav1.UpdateOptions{})
	return err
}

// evict asks for the pod's end as kubectl drain does, so that budgets are kept.
func evict(ctx context.Context, s *stack.Stack, pod corev1.Pod) error {
	return s.Cluster.Kube.CoreV1().Pods(pod.Namespace).EvictV1(ctx, &policyv1.Eviction{
		ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name},
	})
}
