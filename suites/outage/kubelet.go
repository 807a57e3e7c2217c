package outage

import (
	"context"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/kit/flow"
	"istio-conformance/suites/mutation"
)

// kubeletAway is how long the kubelet of the gateway's node is stopped: less than what
// Kubernetes takes for a lost node.
const kubeletAway = 10 * time.Second

var _ = kubernetes.AddAt(3, kubeletRestarted)

// kubeletRestarted stops the kubelet under the gateway and starts it again. Pods do not
// need it to serve.
func kubeletRestarted(s *stack.Stack) check.Check {
	const link = "https://kubernetes.io/docs/reference/command-line-tools-reference/kubelet/"
	return check.Check{
		Name:    "kubelet-restarted",
		Promise: "while the kubelet of the gateway's node is stopped and started again no request fails, and the gateway's process keeps running",
		Timeout: outageTimeout,
		Run: func(ctx context.Context, t *check.T) {
			r := begin(ctx, t, s, "the kubelet of the gateway's node is restarted")
			life := kit.LookAtGateway(ctx, t, s)
			pod, err := s.GatewayPod(ctx)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			end := onNode(ctx, t, s, pod.Spec.NodeName, "systemctl stop kubelet", "systemctl start kubelet")
			last(ctx, t, kubeletAway)
			end(ctx)
			r.back()
			r.configure(ctx, t)
			r.judge(ctx, t, flow.Nothing, "look at the kubelet's log on the node, and for the failed requests' flags in the gateway's access log in the evidence", link)
			// Evidence of pods goes through the kubelet, which has begun to answer by now.
			t.Eventually(ctx, func() error { _, err := s.GatewayAdmin(ctx, "server_info"); return err }).WithTimeout(backTimeout).Should(gomega.Succeed())
			life.MustBeTheSame(ctx, t, s)
		},
		Breaks: []check.Break{{
			Name: "kubelet-takes-envoy-along", Promise: "a kubelet whose stop ends the proxies is noticed",
			Make: func(ctx context.Context, t *check.T) { stopTakesEnvoy(ctx, t, s) },
			Says: "requests fail or wait while the kubelet of the gateway's node is restarted",
		}},
	}
}

// stopTakesEnvoy has the unit of the gateway's node's kubelet kill every Envoy when it stops.
func stopTakesEnvoy(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Helper()
	const dir = "/run/systemd/system/kubelet.service.d"
	pod, err := s.GatewayPod(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	run := func(ctx context.Context, script string) {
		_, err := s.Cluster.Exec(ctx, pod.Spec.NodeName, script)
		t.Expect(err).NotTo(gomega.HaveOccurred())
	}
	mutation.Mend(ctx, t, func(ctx context.Context) { run(ctx, "rm -f "+dir+"/90-envoy.conf; systemctl daemon-reload") })
	run(ctx, "set -eu; mkdir -p "+dir+"; printf '[Service]\\nExecStopPost=-/usr/bin/pkill -KILL -x envoy\\n' >"+dir+"/90-envoy.conf; systemctl daemon-reload")
}
