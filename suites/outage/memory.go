package outage

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/kit/flow"
	"istio-conformance/suites/mutation"
)

// startedAgain is how long the only gateway may be away when its container is started
// again: its start, its configuration, its readiness probe and kube-proxy, on a busy machine.
const startedAgain = 45 * time.Second

// oomKilled is the reason by which Kubernetes names a container that the kernel killed.
const oomKilled = "OOMKilled"

var _ = resources.AddAt(1, gatewayOutOfMemory)

// gatewayOutOfMemory takes the gateway's memory away, so that the kernel kills its Envoy.
func gatewayOutOfMemory(s *stack.Stack) check.Check {
	const link = "https://kubernetes.io/docs/tasks/configure-pod-container/assign-memory-resource/"
	// All requests of that time may fail: there is one gateway.
	bound := flow.Bound{Failed: int64(80 * startedAgain / time.Second), Gap: startedAgain}
	return check.Check{
		Name:    "gateway-out-of-memory",
		Promise: "a gateway that the kernel kills for want of memory is named OOMKilled, is started again, and serves within 45 s with its newest configuration",
		Timeout: outageTimeout,
		Run: func(ctx context.Context, t *check.T) {
			r := begin(ctx, t, s, "the gateway runs out of memory")
			pod, err := s.GatewayPod(ctx)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			before := kit.Restarts(&pod)
			r.ended = time.Now()
			exhaustMemory(ctx, t, s, &pod)
			t.Diagnose("the gateway's container was not killed, so that nothing was tried", "look at memory.stat of its control group on the node", "https://docs.kernel.org/admin-guide/cgroup-v2.html#memory")
			t.Eventually(ctx, func() (int32, error) {
				err := s.Client.Get(ctx, client.ObjectKeyFromObject(&pod), &pod)
				return kit.Restarts(&pod), err
			}).WithTimeout(backTimeout).Should(gomega.BeNumerically(">", before), "restarts of pod %s", pod.Name)
			t.Diagnose("Kubernetes does not say that the gateway was out of memory", "look at the pod's lastState in the evidence", link)
			t.Expect(lastReasons(&pod)).To(gomega.ContainElement(oomKilled), "why containers of pod %s ended", pod.Name)
			r.configure(ctx, t)
			r.judge(ctx, t, bound, "look at the gateway's pod and events in the evidence: is a probe slow, is it in CrashLoopBackOff?", link)
		},
		Breaks: []check.Break{{
			Name: "gateway-ready-late", Promise: "a gateway that takes a minute until it is ready again is noticed",
			Make: func(ctx context.Context, t *check.T) {
				breakProxy(ctx, t, s, `"readinessProbe":{"httpGet":{"port":15021,"path":"/healthz/ready"},"initialDelaySeconds":60,"periodSeconds":2}`, `"readinessProbe":null`)
			},
			Says: "requests fail or wait while the gateway runs out of memory",
		}},
	}
}

// lastReasons are why the containers of a pod ended the last time.
func lastReasons(pod *corev1.Pod) []string {
	var all []string
	for _, c := range pod.Status.ContainerStatuses {
		if ended := c.LastTerminationState.Terminated; ended != nil {
			all = append(all, ended.Reason)
		}
	}
	return all
}

// exhaustMemory limits the memory of a pod's first container to little more than it has,
// and has a process in its control group ask for more: the kernel kills the largest, which is
// Envoy. The limit goes with the container, which gets another control group when it is
// started again.
func exhaustMemory(ctx context.Context, t *check.T, s *stack.Stack, pod *corev1.Pod) {
	t.Helper()
	_, id, _ := strings.Cut(pod.Status.ContainerStatuses[0].ContainerID, "://")
	t.Expect(id).NotTo(gomega.BeEmpty(), "container of pod %s", pod.Name)
	// Version 2 has memory.max and memory.current; version 1 two other files.
	each := "for d in $(find /sys/fs/cgroup -type d -name '*" + id + "*'); do\n" +
		"if [ -e $d/memory.max ]; then limit=memory.max; used=memory.current; none=max\n" +
		"elif [ -e $d/memory.limit_in_bytes ]; then limit=memory.limit_in_bytes; used=memory.usage_in_bytes; none=-1; else continue; fi\n"
	take := "set -eu; found=\n" + each + fmt.Sprintf(`echo $(($(cat $d/$used) + 4194304)) >$d/$limit; found=$d; done
[ -n "$found" ] || { echo 'no control group of container %s limits memory' >&2; exit 1; }
(echo $BASHPID >$found/cgroup.procs; head -c 200M /dev/zero | tail -c 200M >/dev/null) || true`, id)
	mutation.Mend(ctx, t, func(ctx context.Context) {
		_, err := s.Cluster.Exec(ctx, pod.Spec.NodeName, each+"echo $none >$d/$limit || true; done")
		t.Expect(err).NotTo(gomega.HaveOccurred())
	})
	t.Diagnose("what the check takes away on a node cannot be taken away there", "the message says why", "https://docs.kernel.org/admin-guide/cgroup-v2.html#memory")
	_, err := s.Cluster.Exec(ctx, pod.Spec.NodeName, take)
	t.Expect(err).NotTo(gomega.HaveOccurred())
}
