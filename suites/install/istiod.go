package install

import (
	"context"
	"fmt"
	"time"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/probe"
	"istio-conformance/internal/stack"
)

// readinessPort is istiod's plain HTTP port for readiness and debugging.
// https://istio.io/latest/docs/ops/deployment/application-requirements/#ports-used-by-istio
const readinessPort = 8080

// istiodAvailable checks istiod's Deployment and asks the pod itself.
func istiodAvailable(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "istiod-available",
		Promise: "Deployment istiod is Available and its readiness endpoint answers 200",
		Run: func(ctx context.Context, t *check.T) {
			t.Diagnose("istiod does not become ready", "look at istiod's pods, events and log in the evidence",
				"https://istio.io/latest/docs/ops/common-problems/")
			t.Eventually(ctx, func() (map[string]string, error) { return conditions(ctx, s, "istiod") }).
				Should(gomega.HaveKeyWithValue("Available", "True"), "conditions of Deployment %s/istiod", stack.SystemNamespace)
			pods, err := s.ReadyPods(ctx, stack.SystemNamespace, "app=istiod")
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(pods).NotTo(gomega.BeEmpty(), "no istiod pod is ready")
			for _, pod := range pods {
				port := forward(ctx, t, s, pod, readinessPort)
				response := probe.HTTP(ctx, probe.Request{URL: fmt.Sprintf("http://127.0.0.1:%d/ready", port), Timeout: 10 * time.Second})
				t.Expect(response.Status).To(gomega.Equal(200), "pod %s: %s", pod.Name, response)
			}
		},
	}
}

// conditions returns a Deployment's conditions by type.
func conditions(ctx context.Context, s *stack.Stack, name string) (map[string]string, error) {
	deployment := &appsv1.Deployment{}
	if err := s.Client.Get(ctx, client.ObjectKey{Namespace: stack.SystemNamespace, Name: name}, deployment); err != nil {
		return nil, fmt.Errorf("get Deployment %s/%s: %w", stack.SystemNamespace, name, err)
	}
	found := map[string]string{}
	for _, c := range deployment.Status.Conditions {
		found[string(c.Type)] = string(c.Status)
	}
	return found, nil
}

// forward opens a local port to a pod's port until the check ends.
func forward(ctx context.Context, t *check.T, s *stack.Stack, pod corev1.Pod, port int) int {
	local, stop, err := s.Cluster.PortForward(ctx, pod.Namespace, pod.Name, port)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("stop forwarding to pod %s port %d: %v", pod.Name, port, err)
		}
	})
	return local
}
