package outage

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

// breakProxy changes the gateway's container, and gives it back what it had.
func breakProxy(ctx context.Context, t *check.T, s *stack.Stack, change, undo string) {
	t.Helper()
	apply := func(ctx context.Context, text string) {
		t.Helper()
		t.Expect(kit.PatchGateway(ctx, s, text)).To(gomega.Succeed())
		kit.RolledOut(ctx, t, s, s.Gateway.Namespace, s.Gateway.Release)
	}
	mutation.Mend(ctx, t, func(ctx context.Context) { apply(ctx, undo) })
	apply(ctx, change)
}

// liveBy makes the gateway's life depend on a path of the API server.
func liveBy(ctx context.Context, t *check.T, s *stack.Stack, path string) {
	t.Helper()
	node, err := s.NodeAddress(ctx, 0)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	host, _, err := net.SplitHostPort(node)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	breakProxy(ctx, t, s,
		fmt.Sprintf(`"livenessProbe":{"httpGet":{"host":%q,"port":6443,"scheme":"HTTPS","path":%q},"periodSeconds":3,"timeoutSeconds":3,"failureThreshold":2}`, host, path),
		`"livenessProbe":null`)
}

// readyAnyway makes the gateway ready as soon as its agent answers.
func readyAnyway(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Helper()
	breakProxy(ctx, t, s, `"readinessProbe":{"httpGet":{"port":15020,"path":"/stats/prometheus"},"periodSeconds":2}`, `"readinessProbe":null`)
}

// shortConnections makes istiod close the proxies' connections every ten seconds or so: its
// age and the grace period after it. Source: istio pilot/cmd/pilot-discovery/app/cmd.go.
func shortConnections(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Helper()
	const flag = "--keepaliveMaxServerConnectionAge"
	d := &appsv1.Deployment{}
	t.Expect(s.Client.Get(ctx, client.ObjectKey{Namespace: stack.SystemNamespace, Name: s.Revised("istiod")}, d)).To(gomega.Succeed())
	i := slices.IndexFunc(d.Spec.Template.Spec.Containers, func(c corev1.Container) bool { return c.Name == "discovery" })
	t.Expect(i).To(gomega.BeNumerically(">=", 0), "container discovery of istiod")
	old := d.Spec.Template.Spec.Containers[i].Args
	args := slices.Clone(old)
	at := slices.Index(args, flag)
	t.Expect(at >= 0 && at+1 < len(args)).To(gomega.BeTrue(), "%s in %v", flag, args)
	args[at+1] = "1s"
	text := func(args []string) string {
		encoded, err := json.Marshal(args)
		t.Expect(err).NotTo(gomega.HaveOccurred())
		return fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":"discovery","args":%s}]}}}}`, encoded)
	}
	kit.PatchIstiod(ctx, t, s, text(args), text(old))
}

// injectionOptional lets pods be made that the injector was not asked about.
func injectionOptional(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Helper()
	set := func(ctx context.Context, policy admissionv1.FailurePolicyType) {
		config := &admissionv1.MutatingWebhookConfiguration{}
		t.Expect(s.Client.Get(ctx, client.ObjectKey{Name: "istio-sidecar-injector"}, config)).To(gomega.Succeed())
		for i := range config.Webhooks {
			config.Webhooks[i].FailurePolicy = &policy
		}
		t.Expect(s.Client.Update(ctx, config)).To(gomega.Succeed())
	}
	mutation.Mend(ctx, t, func(ctx context.Context) { set(ctx, admissionv1.Fail) })
	set(ctx, admissionv1.Ignore)
}

// loseRoutes deletes the route by which a check asks whether new configuration flows as soon
// as it is there: istiod gathers changes for a tenth of a second before it sends them.
func loseRoutes(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Helper()
	namespace, err := s.ScratchNamespace(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	routes := s.Cluster.Dynamic.Resource(schema.GroupVersionResource{Group: "networking.istio.io", Version: "v1beta1", Resource: "virtualservices"}).Namespace(namespace)
	events, err := routes.Watch(ctx, metav1.ListOptions{})
	t.Expect(err).NotTo(gomega.HaveOccurred())
	mutation.Whenever(ctx, t, events, func(ctx context.Context, event watch.Event) error {
		route, is := event.Object.(*unstructured.Unstructured)
		if !is || event.Type != watch.Added || !strings.HasPrefix(route.GetName(), freshRoute) {
			return nil
		}
		return client.IgnoreNotFound(routes.Delete(ctx, route.GetName(), metav1.DeleteOptions{}))
	})
}
