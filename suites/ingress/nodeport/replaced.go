package nodeport

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

// clients send requests one after the other while a gateway pod goes away.
const clients = 2

var _ = Checks.AddAt(2, replacedGateway)

// replacedGateway deletes one of two gateway pods under traffic.
func replacedGateway(s *stack.Stack) check.Check {
	s = s.Beside()
	return check.Check{
		Name: "gateway-pod-deleted",
		// A port-forward leads to one pod only.
		SkipIf:  s.WhyNoNodePorts,
		Timeout: 5 * time.Minute,
		Promise: "with two gateway pods one can be deleted under traffic, and no request on a new connection fails",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "plain", nil)
			t.CleanupWithin(ctx, kit.PodsTimeout, func(ctx context.Context) { scaleBack(ctx, t, s) })
			t.Diagnose("the gateway cannot be scaled to two pods", "look at the gateway's pods and events in the evidence", "")
			scale(ctx, t, s, 2)
			pods := mustHaveGateways(ctx, t, s, 2, "")
			t.Diagnose("the gateway's Service does not spread connections over both gateway pods", "compare the Service's EndpointSlices in the evidence with the gateway's pods", linkPolicy)
			t.Eventually(ctx, func() (string, error) { return silent(ctx, s, r, pods) }).WithTimeout(kit.PropagationTimeout).Should(gomega.BeEmpty(), "gateway pods that have logged no request")

			t.Diagnose("requests fail when one of two gateway pods is deleted",
				"look at terminationDrainDuration and terminationGracePeriodSeconds of the gateway's pods, and at kube-proxy's log",
				"https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#ProxyConfig")
			stop := send(ctx, r)
			t.Expect(s.Client.Delete(ctx, &pods[0])).To(gomega.Succeed())
			mustHaveGateways(ctx, t, s, 2, pods[0].Name)
			t.Eventually(ctx, func() bool { return gone(ctx, s, &pods[0]) }).WithTimeout(kit.PodsTimeout).Should(gomega.BeTrue(), "pod %s is still there", pods[0].Name)
			sent, failed := stop()
			t.Expect(failed).To(gomega.BeEmpty(), "of %d requests", sent)
			t.Expect(sent).To(gomega.BeNumerically(">", clients), "requests that were sent while pod %s went away", pods[0].Name)
			t.Observe("%d requests on new connections while pod %s went away, none failed", sent, pods[0].Name)
		},
	}
}

// send begins to send requests, each on a connection of its own; the returned
// function ends that and says how many there were and what the failed ones got.
func send(ctx context.Context, r kit.Route) (stop func() (sent int, failed []string)) {
	ctx, cancel := context.WithCancel(ctx)
	var mu sync.Mutex
	var wait sync.WaitGroup
	var count int
	var errs []string
	for range clients {
		wait.Go(func() {
			for ctx.Err() == nil {
				// Not ended by ctx: a request that was begun must be answered.
				response := r.Get(context.WithoutCancel(ctx), "/", nil)
				mu.Lock()
				count++
				if response.Status != 200 {
					errs = append(errs, fmt.Sprintf("%s: %s", time.Now().UTC().Format("15:04:05.000"), response))
				}
				mu.Unlock()
			}
		})
	}
	return func() (int, []string) {
		cancel()
		wait.Wait()
		return count, errs
	}
}

// silent sends a few requests and returns which gateway pods have logged none.
func silent(ctx context.Context, s *stack.Stack, r kit.Route, pods []corev1.Pod) (string, error) {
	mark, _ := kit.Mark()
	for range 8 {
		r.Send(ctx, kit.WithID("/", mark), probe.Request{})
	}
	var names []string
	for i := range pods {
		log, err := s.PodLog(ctx, &pods[i], "istio-proxy", kit.PodsTimeout)
		if err != nil {
			return "", err
		}
		if !strings.Contains(log, r.Host) {
			names = append(names, pods[i].Name)
		}
	}
	return strings.Join(names, ", "), nil
}

// mustHaveGateways waits until n gateway pods are ready, none of them the one of
// that name, and returns them.
func mustHaveGateways(ctx context.Context, t *check.T, s *stack.Stack, n int, gone string) []corev1.Pod {
	var pods []corev1.Pod
	t.Eventually(ctx, func() ([]string, error) {
		var err error
		pods, err = s.ReadyPods(ctx, s.Gateway.Namespace, s.Gateway.Selector)
		return kit.PodNames(pods), err
	}).WithTimeout(kit.PodsTimeout).Should(gomega.And(gomega.HaveLen(n), gomega.Not(gomega.ContainElement(gone))),
		"ready pods of the gateway: %s", s.DescribePods(ctx, s.Gateway.Namespace))
	return pods
}

// gone says whether this very pod is not there any more.
func gone(ctx context.Context, s *stack.Stack, pod *corev1.Pod) bool {
	found := &corev1.Pod{}
	err := s.Client.Get(ctx, client.ObjectKeyFromObject(pod), found)
	return err != nil && client.IgnoreNotFound(err) == nil
}

// scale sets the number of gateway pods.
func scale(ctx context.Context, t *check.T, s *stack.Stack, replicas int) {
	deployment := &appsv1.Deployment{}
	deployment.Namespace, deployment.Name = s.Gateway.Namespace, s.Gateway.Release
	patch := fmt.Sprintf(`{"spec":{"replicas":%d}}`, replicas)
	t.Expect(s.Client.Patch(ctx, deployment, client.RawPatch("application/merge-patch+json", []byte(patch)))).To(gomega.Succeed())
}

// scaleBack leaves one gateway pod, and waits until the others are gone: their
// logs and statistics would be taken for the gateway's. They have nothing to drain.
func scaleBack(ctx context.Context, t *check.T, s *stack.Stack) {
	scale(ctx, t, s, 1)
	t.Eventually(ctx, func() (int, error) {
		all, err := s.Pods(ctx, s.Gateway.Namespace, s.Gateway.Selector)
		for i := range all {
			if grace := all[i].DeletionGracePeriodSeconds; grace != nil && *grace > 1 {
				err = errors.Join(err, client.IgnoreNotFound(s.Client.Delete(ctx, &all[i], client.GracePeriodSeconds(1))))
			}
		}
		return len(all), err
	}).WithTimeout(kit.PodsTimeout).Should(gomega.Equal(1), "pods of the gateway after the check")
}
