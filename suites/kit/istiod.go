package kit

import (
	"context"
	"fmt"
	"time"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
)

// Istiod's ports.
// https://istio.io/latest/docs/ops/deployment/application-requirements/#ports-used-by-istio
const (
	// IstiodHTTP answers readiness and debugging in plain HTTP.
	IstiodHTTP = 8080
	// IstiodXDS is where proxies fetch configuration and certificates over TLS.
	IstiodXDS = 15012
	// IstiodMonitoring answers metrics and the version in plain HTTP.
	IstiodMonitoring = 15014
)

// IstiodSelector matches istiod's pods.
const IstiodSelector = "app=istiod"

// IstiodPods returns istiod's ready pods, of which there must be one.
func IstiodPods(ctx context.Context, t *check.T, s *stack.Stack) []corev1.Pod {
	t.Helper()
	pods, err := s.ReadyPods(ctx, stack.SystemNamespace, IstiodSelector)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	if len(pods) == 0 {
		t.Diagnose("istiod is down: none of its pods is ready", "look at istiod's pods, events and log in the evidence", "https://istio.io/latest/docs/ops/common-problems/")
	}
	t.Expect(pods).NotTo(gomega.BeEmpty(), "no istiod pod is ready")
	return pods
}

// Forward opens a local port to a pod's port until the check ends.
func Forward(ctx context.Context, t *check.T, s *stack.Stack, pod corev1.Pod, port int) int {
	t.Helper()
	local, stop, err := s.Cluster.PortForward(ctx, pod.Namespace, pod.Name, port)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("stop forwarding to pod %s port %d: %v", pod.Name, port, err)
		}
	})
	return local
}

// ProxyStates returns a function that asks every istiod pod of now for the
// proxies that are connected to it.
func ProxyStates(ctx context.Context, t *check.T, s *stack.Stack) func() ([]istio.ProxyStatus, error) {
	t.Helper()
	var urls []string
	for _, pod := range IstiodPods(ctx, t, s) {
		urls = append(urls, fmt.Sprintf("http://127.0.0.1:%d/debug/syncz", Forward(ctx, t, s, pod, IstiodHTTP)))
	}
	return func() ([]istio.ProxyStatus, error) {
		var all []istio.ProxyStatus
		for _, url := range urls {
			response := probe.HTTP(ctx, probe.Request{URL: url, Timeout: 10 * time.Second})
			if response.Status != 200 {
				return nil, fmt.Errorf("ask istiod: %s", response)
			}
			some, err := istio.ParseSyncz(response.Body)
			if err != nil {
				return nil, err
			}
			all = append(all, some...)
		}
		return all, nil
	}
}

// GatewayState is ProxyStates for the gateway's proxies alone.
func GatewayState(ctx context.Context, t *check.T, s *stack.Stack) func() ([]istio.ProxyStatus, error) {
	t.Helper()
	states := ProxyStates(ctx, t, s)
	return func() ([]istio.ProxyStatus, error) {
		all, err := states()
		var found []istio.ProxyStatus
		for _, proxy := range all {
			if proxy.Namespace() == s.Gateway.Namespace && proxy.Type == "router" {
				found = append(found, proxy)
			}
		}
		return found, err
	}
}

// istiodTimeout bounds a change of istiod's pods, on a busy machine too.
const istiodTimeout = 2 * time.Minute

// ScaleIstiod changes how many pods istiod has, waits until it has them, and
// gives it its old number when the check ends.
func ScaleIstiod(ctx context.Context, t *check.T, s *stack.Stack, replicas int32) {
	t.Helper()
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: stack.SystemNamespace, Name: s.Revised("istiod")}}
	t.Expect(s.Client.Get(ctx, client.ObjectKeyFromObject(deployment), deployment)).To(gomega.Succeed())
	old := ptr.Deref(deployment.Spec.Replicas, 1)
	set := func(ctx context.Context, replicas int32) {
		t.Helper()
		patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas))
		t.Expect(s.Client.Patch(ctx, deployment, patch)).To(gomega.Succeed())
		t.Eventually(ctx, func() (int, error) {
			pods, err := s.ReadyPods(ctx, stack.SystemNamespace, IstiodSelector)
			return len(pods), err
		}).WithTimeout(istiodTimeout).Should(gomega.Equal(int(replicas)), "ready pods of istiod\n%s", s.DescribePods(ctx, stack.SystemNamespace))
		mustHaveIstiods(ctx, t, s, int(replicas))
	}
	t.CleanupWithin(ctx, istiodTimeout, func(ctx context.Context) {
		set(ctx, old)
		MustJudge(ctx, t, s)
	})
	set(ctx, replicas)
}

// mustHaveIstiods waits until istiod has so many pods and none that is ending: that
// one would still answer who is connected to it.
func mustHaveIstiods(ctx context.Context, t *check.T, s *stack.Stack, pods int) {
	t.Helper()
	t.Eventually(ctx, func() (int, error) {
		all, err := s.Pods(ctx, stack.SystemNamespace, IstiodSelector)
		return len(all), err
	}).WithTimeout(istiodTimeout).Should(gomega.Equal(pods), "pods of istiod\n%s", s.DescribePods(ctx, stack.SystemNamespace))
}

// MustJudge waits until istiod's webhook answers again: the pod is ready a moment
// before the API server's connections find it.
func MustJudge(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Helper()
	t.Eventually(ctx, func() error {
		return s.Client.Create(ctx, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "networking.istio.io/v1beta1", "kind": "Sidecar",
			"metadata": map[string]any{"generateName": "conformance-", "namespace": metav1.NamespaceDefault},
			"spec":     map[string]any{"egress": []any{map[string]any{"hosts": []any{"./*"}}}},
		}}, client.DryRunAll)
	}).WithTimeout(istiodTimeout).Should(gomega.Succeed(), "istiod's webhook answers")
}
