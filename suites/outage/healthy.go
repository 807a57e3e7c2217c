package outage

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// mustBeHealthy waits until the cluster is as the next check wants to find it.
func mustBeHealthy(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Helper()
	t.Eventually(ctx, func() error {
		if wrong := unhealthy(ctx, s); len(wrong) > 0 {
			return fmt.Errorf("%s", strings.Join(wrong, "; "))
		}
		return nil
	}).WithTimeout(backTimeout).Should(gomega.Succeed(), "the cluster after the outage")
	kit.MustJudge(ctx, t, s)
	t.Eventually(ctx, kit.GatewayState(ctx, t, s)).WithTimeout(backTimeout).
		Should(gomega.And(gomega.Not(gomega.BeEmpty()), gomega.HaveEach(gomega.HaveField("Synced()", true))), "the gateway's proxies after the outage")
}

// unhealthy says what is not as it should be: nodes, and pods of Kubernetes, Istio and the
// checks.
func unhealthy(ctx context.Context, s *stack.Stack) []string {
	nodes, err := s.Cluster.Kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return []string{fmt.Sprintf("list Nodes: %v", err)}
	}
	var wrong []string
	for _, n := range nodes.Items {
		if !slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
			return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
		}) {
			wrong = append(wrong, "node "+n.Name+" is not ready")
		}
		if n.Spec.Unschedulable {
			wrong = append(wrong, "node "+n.Name+" is cordoned")
		}
	}
	for _, namespace := range []string{metav1.NamespaceSystem, stack.SystemNamespace, s.Gateway.Namespace, s.Namespace} {
		all, err := s.Pods(ctx, namespace, "")
		ready, readyErr := s.ReadyPods(ctx, namespace, "")
		if err != nil || readyErr != nil {
			return append(wrong, fmt.Sprintf("list pods of namespace %s: %v %v", namespace, err, readyErr))
		}
		for _, pod := range all {
			if pod.Status.Phase != corev1.PodSucceeded && !slices.ContainsFunc(ready, func(r corev1.Pod) bool { return r.UID == pod.UID }) {
				wrong = append(wrong, "pod "+namespace+"/"+pod.Name+" is not ready")
			}
		}
	}
	return wrong
}
