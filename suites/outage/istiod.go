package outage

import (
	"context"
	"time"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/kit/flow"
)

// istiodAway is how long there is no istiod while something needs it.
const istiodAway = 15 * time.Second

// takeIstiod takes every istiod away, and returns how to give them back.
func takeIstiod(ctx context.Context, t *check.T, s *stack.Stack) (give func(context.Context)) {
	t.Helper()
	t.Diagnose("istiod cannot be scaled", "look at the Deployment istiod", "https://istio.io/latest/docs/ops/common-problems/")
	return scale(ctx, t, s, stack.SystemNamespace, s.Revised("istiod"), 0)
}

var _ = istiod.AddAt(1, gatewayStarts)

// gatewayStarts starts a gateway pod while there is no istiod: it has no configuration,
// and must get no request.
func gatewayStarts(s *stack.Stack) check.Check {
	const link = "https://istio.io/latest/docs/setup/additional-setup/gateway/"
	return check.Check{
		Name:    "gateway-starts-without-istiod",
		Promise: "a gateway pod that starts while istiod is gone is not ready, so that no request fails, and becomes ready when istiod is back",
		Timeout: outageTimeout,
		Run: func(ctx context.Context, t *check.T) {
			t.CleanupWithin(ctx, 2*backTimeout, func(ctx context.Context) { mustBeHealthy(ctx, t, s) })
			// Before istiod is gone: it is the injector that gives the pod its container.
			pod := gatewayPod(ctx, t, s, func(spec *corev1.PodSpec) {
				spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "conformance.test/istiod-gone"}}
			})
			r := begin(ctx, t, s, "a gateway pod starts without istiod")
			give := takeIstiod(ctx, t, s)
			t.Diagnose("a gateway pod does not start while istiod is gone", "look at the pod and its events in the evidence", link)
			t.Expect(s.Client.Patch(ctx, pod, client.RawPatch("application/json-patch+json", []byte(`[{"op":"remove","path":"/spec/schedulingGates"}]`)))).To(gomega.Succeed())
			running := gomega.HaveField("Status.Phase", corev1.PodRunning)
			find := func() (*corev1.Pod, error) {
				return pod, s.Client.Get(ctx, client.ObjectKeyFromObject(pod), pod)
			}
			t.Eventually(ctx, find).WithTimeout(backTimeout).Should(running, "%s", s.DescribePods(ctx, pod.Namespace))
			last(ctx, t, istiodAway)
			ready, err := s.ReadyPods(ctx, pod.Namespace, s.Gateway.Selector)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Diagnose("a gateway pod that no istiod has configured is ready", "compare the readinessProbe of its container istio-proxy with Istio's own: path /healthz/ready of port 15021",
				"https://istio.io/latest/docs/ops/configuration/mesh/app-health-check/")
			t.Expect(kit.PodNames(ready)).NotTo(gomega.ContainElement(pod.Name), "ready pods of the gateway without istiod")
			give(ctx)
			r.back()
			t.Diagnose("a gateway pod that started without istiod does not become ready when istiod is back", "look for xDS connection errors in its log in the evidence", link)
			t.Eventually(ctx, func() ([]string, error) {
				ready, err := s.ReadyPods(ctx, pod.Namespace, s.Gateway.Selector)
				return kit.PodNames(ready), err
			}).WithTimeout(backTimeout).Should(gomega.ContainElement(pod.Name), "%s", s.DescribePods(ctx, pod.Namespace))
			t.Observe("pod %s was not ready for %s without istiod, and ready %s after istiod was given back", pod.Name, istiodAway, wait(time.Since(r.ended)))
			r.configure(ctx, t)
			r.judge(ctx, t, flow.Nothing, "look for the failed requests' flags in the gateway's access log in the evidence", link)
		},
		Breaks: []check.Break{{
			Name: "ready-without-configuration", Promise: "a gateway whose readiness probe does not ask whether it is configured is noticed",
			Make: func(ctx context.Context, t *check.T) { readyAnyway(ctx, t, s) },
			Says: "a gateway pod that no istiod has configured is ready",
		}},
	}
}

// gatewayPod makes a second pod of the gateway with a changed template, and removes it when
// the check ends.
func gatewayPod(ctx context.Context, t *check.T, s *stack.Stack, change func(*corev1.PodSpec)) *corev1.Pod {
	t.Helper()
	d := &appsv1.Deployment{}
	t.Expect(s.Client.Get(ctx, client.ObjectKey{Namespace: s.Gateway.Namespace, Name: s.Gateway.Release}, d)).To(gomega.Succeed())
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: d.Namespace, Name: d.Name + "-" + rand.String(5), Labels: d.Spec.Template.Labels, Annotations: d.Spec.Template.Annotations,
		},
		Spec: *d.Spec.Template.Spec.DeepCopy(),
	}
	change(&pod.Spec)
	t.CleanupWithin(ctx, backTimeout, func(ctx context.Context) {
		t.Expect(client.IgnoreNotFound(s.Client.Delete(ctx, pod))).To(gomega.Succeed())
	})
	t.Diagnose("the API server does not take a second gateway pod", "the error says why", "https://istio.io/latest/docs/setup/additional-setup/gateway/")
	t.Expect(s.Client.Create(ctx, pod)).To(gomega.Succeed())
	return pod
}

var _ = istiod.AddAt(2, podsRoll)

// podsRoll replaces the pods of a service while there is no istiod to inject the new ones.
func podsRoll(s *stack.Stack) check.Check {
	const link = "https://istio.io/latest/docs/ops/common-problems/injection/"
	return check.Check{
		Name:    "pods-roll-without-istiod",
		Promise: "a rollout that begins while istiod is gone makes no pod without a sidecar, fails no request, and ends when istiod is back",
		Timeout: outageTimeout,
		Run: func(ctx context.Context, t *check.T) {
			r := prepare(ctx, t, s, "pods roll without istiod", "outage-rolling", map[string]string{"Backend": s.Images.Backend, "ProxyMetadata": "{}"})
			name, selector := r.route.Name, "app="+r.route.Name
			kit.RolledOut(ctx, t, s, s.Namespace, name)
			r.start(ctx, t, name)
			give := takeIstiod(ctx, t, s)
			t.Expect(touch(ctx, s, s.Namespace, name)).To(gomega.Succeed())
			last(ctx, t, istiodAway)
			mustHaveSidecars(ctx, t, s, selector)
			t.Diagnose("the ReplicaSet has no trouble to make pods although there is nobody to inject them", "compare failurePolicy of the webhooks in istio-sidecar-injector with the chart's: Fail", link)
			t.Eventually(ctx, func() ([]appsv1.DeploymentCondition, error) {
				d := &appsv1.Deployment{}
				err := s.Client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: name}, d)
				return d.Status.Conditions, err
			}).Should(gomega.ContainElement(gomega.And(gomega.HaveField("Type", appsv1.DeploymentReplicaFailure), gomega.HaveField("Status", corev1.ConditionTrue))))
			give(ctx)
			r.back()
			t.Diagnose("a rollout that began without istiod does not end when istiod is back", "look at the ReplicaSet's events in the evidence", link)
			kit.RolledOut(ctx, t, s, s.Namespace, name)
			t.Observe("the rollout ended %s after istiod was given back", wait(time.Since(r.ended)))
			mustHaveSidecars(ctx, t, s, selector)
			r.configure(ctx, t)
			r.judge(ctx, t, flow.Nothing, "look for the failed requests' flags in the gateway's access log in the evidence", link)
		},
		Breaks: []check.Break{{
			Name: "injection-optional", Promise: "an injector without which pods are made all the same is noticed",
			Make: func(ctx context.Context, t *check.T) { injectionOptional(ctx, t, s) },
			Says: "a pod without a sidecar is made while istiod is gone",
		}},
	}
}

// mustHaveSidecars asserts that every pod has one.
func mustHaveSidecars(ctx context.Context, t *check.T, s *stack.Stack, selector string) {
	t.Helper()
	pods, err := s.Pods(ctx, s.Namespace, selector)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Diagnose("a pod without a sidecar is made while istiod is gone", "compare failurePolicy of the webhooks in istio-sidecar-injector with the chart's: Fail",
		"https://istio.io/latest/docs/ops/common-problems/injection/")
	for i := range pods {
		t.Expect(kit.ContainerNames(&pods[i])).To(gomega.ContainElement(kit.ProxyContainer), "containers of pod %s", pods[i].Name)
	}
}
