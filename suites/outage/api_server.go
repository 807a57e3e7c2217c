package outage

import (
	"context"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit/flow"
)

// apiServerAway is how long the API server is stopped.
const apiServerAway = time.Minute

// The API server is a static pod: the kubelet runs it while its manifest is there. Both
// scripts can be repeated.
const (
	manifest = "/etc/kubernetes/manifests/kube-apiserver.yaml"
	putAside = "/etc/kubernetes/kube-apiserver.yaml.away"

	stopAPIServer = "set -eu; if [ -e " + manifest + " ]; then mv " + manifest + " " + putAside + "; fi\n" +
		"for i in $(seq 100); do pkill -KILL -x kube-apiserver || exit 0; sleep 0.2; done; echo kube-apiserver does not end >&2; exit 1"
	startAPIServer = "if [ -e " + putAside + " ]; then mv " + putAside + " " + manifest + "; fi"
)

var _ = kubernetes.AddAt(1, apiServerStopped)

// apiServerStopped stops the only API server.
func apiServerStopped(s *stack.Stack) check.Check {
	const link = "https://istio.io/latest/docs/ops/deployment/architecture/"
	return check.Check{
		Name:    "api-server-stopped",
		Promise: "while the API server is stopped for a minute no request fails, and new configuration reaches the gateway when it is back",
		Timeout: outageTimeout,
		Run: func(ctx context.Context, t *check.T) {
			r := begin(ctx, t, s, "the API server is stopped")
			end := onNode(ctx, t, s, controlPlane(s), stopAPIServer, startAPIServer)
			last(ctx, t, apiServerAway)
			_, err := s.Cluster.ServerVersion(ctx)
			t.Expect(err).To(gomega.HaveOccurred(), "the API server answers although it is stopped")
			end(ctx)
			r.back()
			t.Diagnose("the API server does not start again", "look at the control plane's node", "https://kubernetes.io/docs/tasks/debug/debug-cluster/")
			t.Eventually(ctx, func() error {
				_, err := s.Cluster.ServerVersion(ctx)
				return err
			}).WithTimeout(backTimeout).Should(gomega.Succeed())
			t.Observe("the API server answered %s after it was started", wait(time.Since(r.ended)))
			r.configure(ctx, t)
			r.judge(ctx, t, flow.Nothing, "look for the failed requests' flags in the gateway's access log in the evidence: what serves asks the API server for nothing", link)
		},
		Breaks: []check.Break{{
			Name: "gateway-lives-by-api-server", Promise: "a gateway whose life depends on the API server is noticed",
			Make: func(ctx context.Context, t *check.T) { liveBy(ctx, t, s, "/livez") },
			Says: "requests fail or wait while the API server is stopped",
		}},
	}
}

// controlPlane is the node on which the API server and etcd run.
func controlPlane(s *stack.Stack) string {
	for _, n := range s.Cluster.Nodes() {
		if n.Role == "control-plane" {
			return n.Name
		}
	}
	return ""
}
