package kit

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/mesh/envoy"
	"istio-conformance/internal/stack"
)

// Scrape reads a metrics page of a pod as Prometheus would, by way of the API server.
func Scrape(ctx context.Context, s *stack.Stack, pod corev1.Pod, port int, path string) (string, error) {
	raw, err := s.Cluster.Kube.CoreV1().RESTClient().Get().Namespace(pod.Namespace).Resource("pods").
		Name(fmt.Sprintf("%s:%d", pod.Name, port)).SubResource("proxy").Suffix(path).DoRaw(ctx)
	if err != nil {
		return "", fmt.Errorf("metrics of pod %s/%s at port %d: %w", pod.Namespace, pod.Name, port, err)
	}
	return string(raw), nil
}

// IstiodSum reads a series of istiod's metrics, of all its pods together.
func IstiodSum(ctx context.Context, s *stack.Stack, series string, labels map[string]string) (float64, error) {
	pods, err := s.ReadyPods(ctx, stack.SystemNamespace, IstiodSelector)
	if err != nil {
		return 0, err
	}
	if len(pods) == 0 {
		return 0, errors.New("no pod of istiod is ready")
	}
	sum := 0.0
	for _, pod := range pods {
		page, err := Scrape(ctx, s, pod, IstiodMonitoring, "metrics")
		if err != nil {
			return 0, err
		}
		samples, err := envoy.Samples(page, series)
		if err != nil {
			return 0, err
		}
		sum += envoy.Sum(samples, labels)
	}
	return sum, nil
}
