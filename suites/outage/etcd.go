package outage

import (
	"context"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit/flow"
)

const (
	// etcdAway is how long etcd stands still: longer than what the leaders of Kubernetes and
	// of Istio may fail to renew their leases (10 s), and shorter than what the kubelet
	// waits before it restarts etcd.
	etcdAway = 20 * time.Second
	// storeAnswers bounds a question that only etcd can answer.
	storeAnswers = 5 * time.Second
)

var _ = kubernetes.AddAt(2, etcdPaused)

// etcdPaused halts the only etcd. The API server runs and cannot read or write.
func etcdPaused(s *stack.Stack) check.Check {
	const link = "https://istio.io/latest/docs/ops/deployment/architecture/"
	return check.Check{
		Name:    "etcd-paused",
		Promise: "while etcd stands still no request fails, and new configuration reaches the gateway when it continues",
		Timeout: outageTimeout,
		Run: func(ctx context.Context, t *check.T) {
			r := begin(ctx, t, s, "etcd stands still")
			end := onNode(ctx, t, s, controlPlane(s), "pkill -STOP -x etcd", "pkill -CONT -x etcd")
			last(ctx, t, etcdAway)
			ask, cancel := context.WithTimeout(ctx, storeAnswers)
			defer cancel()
			t.Expect(s.Client.Get(ask, client.ObjectKey{Name: s.Namespace}, &corev1.Namespace{})).NotTo(gomega.Succeed(), "the API server reads although etcd stands still")
			end(ctx)
			r.back()
			r.configure(ctx, t)
			r.judge(ctx, t, flow.Nothing, "look for the failed requests' flags in the gateway's access log in the evidence: what serves asks the API server for nothing", link)
		},
		Breaks: []check.Break{{
			Name: "gateway-lives-by-etcd", Promise: "a gateway whose life depends on etcd is noticed",
			Make: func(ctx context.Context, t *check.T) { liveBy(ctx, t, s, "/readyz/etcd") },
			Says: "requests fail or wait while etcd stands still",
		}},
	}
}

// onNode runs a script that takes something away on a node, and returns how to give it back
// by another one, which also happens when the check ends. Both can be repeated.
func onNode(ctx context.Context, t *check.T, s *stack.Stack, node, take, give string) (end func(context.Context)) {
	t.Helper()
	end = func(ctx context.Context) {
		t.Helper()
		_, err := s.Cluster.Exec(ctx, node, give)
		t.Expect(err).NotTo(gomega.HaveOccurred())
	}
	t.CleanupWithin(ctx, backTimeout, end)
	t.Diagnose("what the check takes away on a node cannot be taken away there", "the message says why", "https://kind.sigs.k8s.io/docs/user/quick-start/")
	_, err := s.Cluster.Exec(ctx, node, take)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	return end
}
