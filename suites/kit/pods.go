package kit

import (
	"context"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// MustHavePods waits until so many pods of a selector are ready, and no more.
func MustHavePods(ctx context.Context, t *check.T, s *stack.Stack, namespace, selector string, n int) []corev1.Pod {
	t.Helper()
	return MustHavePodsWithin(ctx, t, s, namespace, selector, n, PodTimeout)
}

// MustHavePodsWithin is MustHavePods with a limit of its own. Where somebody else's cluster
// does not take the pods it skips the check, and it does not wait for an image that cannot
// be pulled.
func MustHavePodsWithin(ctx context.Context, t *check.T, s *stack.Stack, namespace, selector string, n int, within time.Duration) []corev1.Pod {
	t.Helper()
	var pods []corev1.Pod
	var refused string
	t.Eventually(ctx, func() (int, error) {
		var err error
		if pods, err = s.ReadyPods(ctx, namespace, selector); err != nil || len(pods) == n || !s.InNamespace() {
			return len(pods), err
		}
		if refused, err = s.WhyRefused(ctx, namespace, selector); err != nil || refused != "" {
			return n, err
		}
		why, err := s.WhyNoImage(ctx, namespace, selector)
		if why != "" {
			t.Diagnose("pods cannot become ready: "+why, "name an image that the nodes can pull: BACKEND_IMAGE=", "https://kubernetes.io/docs/concepts/containers/images/")
			err = gomega.StopTrying(why)
		}
		return len(pods), err
	}).WithTimeout(within).Should(gomega.Equal(n), "ready pods %s: %s", selector, s.DescribePods(ctx, namespace))
	if refused != "" {
		t.Skipf("%s", refused)
	}
	return pods
}

// SkipForbidden skips the check where the error says that somebody else's cluster does
// not take what it makes.
func SkipForbidden(t *check.T, s *stack.Stack, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if why := s.Refused(err.Error()); why != "" {
		t.Skipf("%s", why)
	}
}
