package direct

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/envoy"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// linkEntry is where kinds of Services beyond the ordinary are documented.
const linkEntry = "https://istio.io/latest/docs/reference/config/networking/service-entry/"

var _ = Checks.Add(headless)

// headless sends requests to a Service that has no virtual IP at all.
func headless(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "headless-service",
		Parallel: true,
		Promise:  "a headless Service is balanced over its pods by the gateway",
		Run: func(ctx context.Context, t *check.T) {
			pods := backendPods(ctx, t, s, kit.BackendSelector)
			r := kit.NewRoute(ctx, t, s, "direct-headless", nil)
			t.Diagnose("the gateway does not balance over the pods of a headless Service",
				"look at the type and the endpoints of its cluster in the gateway's clusters in the evidence", "https://istio.io/latest/docs/ops/configuration/traffic-management/traffic-routing/#headless-services")
			t.Eventually(ctx, func() ([]string, error) { return kit.GatewayEndpoints(ctx, s, r.Name, 80) }).
				Should(gomega.ConsistOf(kit.Addresses(pods, 8080)), "endpoints in the gateway")
			mustAnswer(ctx, t, s, r, "/", pods)
			t.Observe("all %d pods answered", len(pods))
		},
	}
}

var _ = Checks.Add(externalName)

// externalName sends requests to other names of a Service and of a host.
func externalName(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "external-name",
		Parallel: true,
		Promise:  "an ExternalName Service leads where the Service or the ServiceEntry leads that it names, and nowhere (503 NC) when none has that name",
		Run: func(ctx context.Context, t *check.T) {
			pods, v2 := backendPods(ctx, t, s, kit.BackendSelector), backendPods(ctx, t, s, kit.BackendV2)
			r := kit.NewRoute(ctx, t, s, "direct-external-name", map[string]string{"PodHost": podHost(s, v2[0])})
			t.Diagnose("the gateway does not resolve an ExternalName Service", "look at its cluster in the gateway's clusters in the evidence, and at istiod's ENABLE_EXTERNAL_NAME_ALIAS",
				"https://istio.io/latest/news/releases/1.21.x/announcing-1.21/upgrade-notes/#externalname-support-changes")
			mustAnswer(ctx, t, s, r, "/", pods)
			diagnoseName(t)
			mustBeServed(ctx, t, r, "/host")
			mustAnswer(ctx, t, s, r, "/host", v2)
			t.Diagnose("the gateway sends requests to an alias of a host that Istio does not know", "look for the cluster that the access log in the evidence names", linkEntry)
			id, _ := kit.Mark()
			t.Expect(r.Get(ctx, kit.WithID("/unknown", id), nil).Status).To(gomega.Equal(http.StatusServiceUnavailable), "an alias of a host that Istio does not know")
			kit.MustLog(ctx, t, s, id, gomega.ConsistOf(gomega.HaveField("ResponseFlags", "NC")), "access log of a request to an alias of a host that Istio does not know")
			t.Observe("an alias of Service backend led to its %d pods, one of a ServiceEntry to %s", len(pods), podHost(s, v2[0]))
		},
	}
}

var _ = Checks.Add(serviceEntry)

// serviceEntry sends requests to hosts that only ServiceEntries know.
func serviceEntry(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "service-entry",
		Parallel: true,
		Promise:  "a ServiceEntry leads to its addresses, to what its names resolve to, or to the pods that its labels select, and only inside the mesh by mutual TLS",
		Run: func(ctx context.Context, t *check.T) {
			v1, v2 := backendPods(ctx, t, s, kit.BackendV1), backendPods(ctx, t, s, kit.BackendV2)
			r := kit.NewRoute(ctx, t, s, "direct-service-entry", map[string]string{"PodHost": podHost(s, v2[0]), "PodAddress": v2[0].Status.PodIP})
			for _, c := range []struct {
				target   string
				pods     []corev1.Pod
				secure   bool
				diagnose func(*check.T)
			}{{"/address", v2, false, diagnoseEntry}, {"/name", v2, false, diagnoseName}, {"/labels", v1, true, diagnoseEntry}} {
				c.diagnose(t)
				mustBeServed(ctx, t, r, c.target)
				for _, a := range mustAnswer(ctx, t, s, r, c.target, c.pods) {
					t.Expect(a.Headers["X-Forwarded-Client-Cert"] != nil).To(gomega.Equal(c.secure), "mutual TLS to the endpoints of %s", c.target)
				}
			}
			t.Observe("by address and by name %s answered, by labels %s", v2[0].Name, strings.Join(kit.PodNames(v1), " and "))
		},
	}
}

func diagnoseEntry(t *check.T) {
	t.Diagnose("the gateway does not connect to the endpoints of a ServiceEntry", "look at its clusters in the gateway's clusters in the evidence", linkEntry)
}

// diagnoseName is for a host whose endpoint has a name and not an address.
func diagnoseName(t *check.T) {
	t.Diagnose("the gateway does not find the endpoint of a ServiceEntry by its name",
		"look at the pods of CoreDNS in kube-system and whether their Corefile has pods insecure, and at update_failure of the cluster's statistics in the evidence", linkEntry)
}

// podHost is a name that the cluster's DNS resolves to the pod's address, when
// its Corefile has "pods insecure", as kubeadm's has.
func podHost(s *stack.Stack, pod corev1.Pod) string {
	return fmt.Sprintf("%s.%s.pod.cluster.local", strings.NewReplacer(".", "-", ":", "-").Replace(pod.Status.PodIP), s.Namespace)
}

// backendPods returns the ready pods of the backend, of which there must be some.
func backendPods(ctx context.Context, t *check.T, s *stack.Stack, selector string) []corev1.Pod {
	pods, err := s.ReadyPods(ctx, s.Namespace, selector)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(pods).NotTo(gomega.BeEmpty(), "ready pods %s", selector)
	return pods
}

// mustBeServed waits until a path is answered 200: its cluster may still have to
// be resolved when the route is there already.
func mustBeServed(ctx context.Context, t *check.T, r kit.Route, target string) {
	t.Eventually(ctx, func() string { return r.Get(ctx, target, nil).String() }).WithTimeout(kit.PropagationTimeout).
		Should(gomega.HavePrefix("status 200"), "%s at %s", target, r.Host)
}

// mustAnswer sends requests until each of the pods has answered, and asserts that
// no other does, by the answers and by the gateway's access log. Where the first
// request goes is looked at before all: it explains who answers.
func mustAnswer(ctx context.Context, t *check.T, s *stack.Stack, r kit.Route, target string, pods []corev1.Pod) []kit.Answer {
	mustGoToPods(ctx, t, s, r, target, pods)
	mark, _ := kit.Mark()
	seen, sent := map[string]bool{}, 0
	var answers []kit.Answer
	t.Eventually(ctx, func() int {
		sent++
		response := r.Get(ctx, kit.WithID(target, mark), nil)
		t.Expect(response.Status).To(gomega.Equal(http.StatusOK), "%s, request %d: %s", target, sent, response)
		answers = append(answers, kit.ParseAnswer(t, response))
		seen[answers[len(answers)-1].Pod] = true
		return len(seen)
	}).WithPolling(1).Should(gomega.Equal(len(pods)), "pods that answered %s", target)
	for _, a := range answers {
		t.Expect(kit.PodNames(pods)).To(gomega.ContainElement(a.Pod), "pod that answered %s", target)
	}
	mustBeAddressed(ctx, t, s, target, mark, sent, pods)
	return answers
}

// mustGoToPods sends one request and asserts where the gateway sent it.
func mustGoToPods(ctx context.Context, t *check.T, s *stack.Stack, r kit.Route, target string, pods []corev1.Pod) {
	mark, _ := kit.Mark()
	response := r.Get(ctx, kit.WithID(target, mark), nil)
	t.Expect(response.Status).To(gomega.Equal(http.StatusOK), "%s: %s", target, response)
	mustBeAddressed(ctx, t, s, target, mark, 1, pods)
}

// mustBeAddressed asserts by the access log that the gateway sent so many requests
// with the mark, each to the address of a pod.
func mustBeAddressed(ctx context.Context, t *check.T, s *stack.Stack, target, mark string, sent int, pods []corev1.Pod) {
	if !kit.HasLog(t, s) {
		return
	}
	var entries []envoy.AccessLog
	t.Eventually(ctx, func() (int, error) {
		var err error
		entries, err = kit.AccessLog(ctx, s, mark)
		return len(entries), err
	}).Should(gomega.Equal(sent), "entries in the gateway's access log")
	for _, entry := range entries {
		t.Expect(entry.UpstreamHost).To(gomega.BeElementOf(kit.Addresses(pods, 8080)), func() string {
			t.Diagnose("the gateway sends requests to an address that is no pod's",
				"look for the address in the gateway's clusters in the evidence, and for an EnvoyFilter that changes the cluster", linkEntry)
			return "address that the gateway sent " + target + " to"
		})
	}
}
