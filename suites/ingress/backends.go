package ingress

import (
	"context"
	"net/http"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"istio-conformance/fixtures"
	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

var _ = first.Add(backends)

// backends deploys the service behind the gateway. Everything later stands on it.
func backends(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "backends",
		Promise: "pods in a namespace labelled istio-injection=enabled become ready with a sidecar",
		Gate:    true,
		Timeout: 4 * time.Minute,
		Run: func(ctx context.Context, t *check.T) {
			manifest, err := fixtures.Files.ReadFile("apps/backend.yaml")
			t.Expect(err).NotTo(gomega.HaveOccurred())
			values := s.FixtureValues()
			values["Backend"] = s.Images.Backend
			objects, err := kube.Render(manifest, values)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(s.CreateTestNamespace(ctx)).To(gomega.Succeed())
			t.Diagnose("the API server or Istio's validation webhook refuses the harness's own objects",
				"look at the message above and at istiod's log in the evidence", "https://istio.io/latest/docs/ops/common-problems/validation/")
			err = s.Apply(ctx, s.Namespace, objects)
			kit.SkipForbidden(t, s, err)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Diagnose("the backend's pods do not become ready",
				"look at the pods and events in the evidence: the sidecar's init container needs the kernel suite's rules, the sidecar needs istiod",
				"https://istio.io/latest/docs/ops/common-problems/injection/")
			ready := kit.MustHavePodsWithin(ctx, t, s, s.Namespace, kit.BackendSelector, kit.BackendReplicas, 3*time.Minute)
			t.Diagnose("the backend's pods have no sidecar: istiod's webhook did not inject the sidecar",
				"compare the labels of the namespace with the webhook's selectors: kubectl get mutatingwebhookconfigurations -o yaml",
				"https://istio.io/latest/docs/ops/common-problems/injection/")
			for _, pod := range ready {
				t.Expect(containerNames(pod)).To(gomega.ContainElement("istio-proxy"), "pod %s has no sidecar", pod.Name)
			}
			if s.InNamespace() {
				besideGateway(ctx, t, s)
				mustBeOpen(ctx, t, s)
			}
		},
	}
}

// besideGateway deploys a gateway of the run's own in the namespace, and finds out what it
// and the one under test tell of requests.
func besideGateway(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Diagnose("a gateway that pods ask for by the injection template gateway does not become ready",
		"look at its pod and events in the evidence, and for template gateway in ConfigMap istio-sidecar-injector", "https://istio.io/latest/docs/setup/additional-setup/gateway/")
	manifest, err := fixtures.Files.ReadFile("apps/own-gateway.yaml")
	t.Expect(err).NotTo(gomega.HaveOccurred())
	objects, err := kube.Render(manifest, s.PrepareBeside())
	t.Expect(err).NotTo(gomega.HaveOccurred())
	err = s.Apply(ctx, s.Namespace, objects)
	kit.SkipForbidden(t, s, err)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	kit.MustHavePods(ctx, t, s, s.Namespace, s.Beside().Gateway.Selector, 1)
	t.Eventually(ctx, func() error { return s.UseBeside(ctx) }).WithTimeout(kit.PodTimeout).Should(gomega.Succeed(), "%s", s.DescribePods(ctx, s.Namespace))
	t.Diagnose("a gateway's Envoy has no listener for a Gateway of the checks", "look at istiod's log and at the gateway's configuration in the evidence, and for what else claims the port: istio-conformance diagnose",
		"https://istio.io/latest/docs/ops/common-problems/network-issues/")
	for _, at := range []*stack.Stack{s, s.Beside()} {
		t.Eventually(ctx, func() error { return at.LearnWitnesses(ctx) }).WithTimeout(kit.PropagationTimeout).Should(gomega.Succeed(), "what the Envoy of gateway %s/%s tells of requests", at.Gateway.Namespace, at.Gateway.Release)
	}
	// Not an assertion: a mesh without the provider envoy is one witness less, and no failure.
	err = wait.PollUntilContextTimeout(ctx, time.Second, kit.PropagationTimeout, true, func(ctx context.Context) (bool, error) { return s.LearnSidecars(ctx, kit.BackendSelector) })
	if err != nil {
		t.Observe("the sidecars write no access log that can be read: %v", err)
	}
}

// mustBeOpen sees to it that the gateway serves a route of the checks at all, so that one
// cause of which every check would fail is told once, and finds out whether somebody else's
// route takes every host.
func mustBeOpen(ctx context.Context, t *check.T, s *stack.Stack) {
	r := kit.UnservedRoute(ctx, t, s, "plain", nil)
	var last probe.Response
	ask := func() int {
		last = r.Send(ctx, "/", probe.Request{Timeout: kit.ShortTimeout})
		return last.Status
	}
	t.Eventually(ctx, ask).WithTimeout(kit.PropagationTimeout).Should(gomega.BeElementOf(http.StatusOK, http.StatusForbidden), func() string {
		return kit.Unserved{Host: r.Host, Last: last}.Diagnose(ctx, t, s)
	})
	kit.SkipRefused(t, s, r.Host, last)
	nobody := r.Send(ctx, "/", probe.Request{Host: "nobody." + s.Domain()})
	if s.Gateway.Witnesses.TakesAll = nobody.Status != http.StatusNotFound; s.Gateway.Witnesses.TakesAll {
		t.Observe("somebody else's route takes hosts that nobody names: the answer is %s", nobody)
	}
	own := s.Beside()
	kit.NewRoute(ctx, t, own, "plain", nil)
	// Envoy makes the statistics of a cluster with its first request.
	for _, at := range []*stack.Stack{s, own} {
		t.Expect(at.LearnWitnesses(ctx)).To(gomega.Succeed(), "what the Envoy of gateway %s/%s tells of requests", at.Gateway.Namespace, at.Gateway.Release)
	}
	for _, why := range []string{s.WhyNoAttempts(), s.WhyNoStatistics()} {
		if why != "" {
			t.Observe("%s", why)
		}
	}
}

// containerNames lists containers and init containers: a sidecar is an init
// container since Istio 1.27 where Kubernetes has native sidecars.
func containerNames(pod corev1.Pod) []string {
	var names []string
	for _, c := range pod.Spec.InitContainers {
		names = append(names, c.Name)
	}
	for _, c := range pod.Spec.Containers {
		names = append(names, c.Name)
	}
	return names
}
