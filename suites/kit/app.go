package kit

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// PodsTimeout bounds the time until new pods are ready, on a busy machine too.
const PodsTimeout = 90 * time.Second

// HealthPort is where the backend answers readiness probes and takes orders about
// them; see images/backend/health.go.
const HealthPort = 8081

// App is a small service of one check's own, without sidecars, whose pods it may
// scale, crash or replace. See fixtures/apps/own.yaml.
type App struct {
	// Name is that of the Service and the Deployment, and the pods' label app.
	Name string

	stack *stack.Stack
}

// NewApp deploys an app, waits until its pods are ready, and removes it when the
// check ends.
func NewApp(ctx context.Context, t *check.T, s *stack.Stack, name string, replicas int) App {
	t.Helper()
	a := App{Name: name + "-" + rand.String(5), stack: s}
	Apply(ctx, t, s, s.Namespace, "apps/own.yaml", map[string]string{
		"Name": a.Name, "Replicas": strconv.Itoa(replicas), "Backend": s.Images.Backend,
	})
	a.MustHavePods(ctx, t, replicas)
	return a
}

// Selector matches the app's pods.
func (a App) Selector() string { return "app=" + a.Name }

// MustHavePods waits until exactly so many pods are ready, and returns them. Others
// that are being deleted may still be there and answer.
func (a App) MustHavePods(ctx context.Context, t *check.T, replicas int) []corev1.Pod {
	t.Helper()
	t.Diagnose("the check's own pods do not become ready",
		"look at the pods and events in the evidence", "https://kubernetes.io/docs/tasks/debug/debug-application/debug-pods/")
	return MustHavePods(ctx, t, a.stack, a.stack.Namespace, a.Selector(), replicas)
}

// Scale sets the number of pods and does not wait.
func (a App) Scale(ctx context.Context, t *check.T, replicas int) {
	t.Helper()
	a.patch(ctx, t, fmt.Sprintf(`{"spec":{"replicas":%d}}`, replicas))
}

// Restart replaces all pods, as kubectl rollout restart does, and does not wait.
func (a App) Restart(ctx context.Context, t *check.T) {
	t.Helper()
	a.patch(ctx, t, fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"conformance/restarted":%q}}}}}`, rand.String(8)))
}

func (a App) patch(ctx context.Context, t *check.T, patch string) {
	t.Helper()
	deployment := &appsv1.Deployment{}
	deployment.Namespace, deployment.Name = a.stack.Namespace, a.Name
	t.Expect(a.stack.Client.Patch(ctx, deployment, client.RawPatch("application/merge-patch+json", []byte(patch)))).
		To(gomega.Succeed(), "patch Deployment %s/%s", a.stack.Namespace, a.Name)
}

// SetHealth makes a pod answer its readiness probes with a status from now on.
func (a App) SetHealth(ctx context.Context, pod string, status int) error {
	return order(ctx, a.stack, pod, "healthz", status)
}

// Crash ends the process of a pod. That it does not answer any more is no error.
func Crash(ctx context.Context, s *stack.Stack, pod string) {
	_ = order(ctx, s, pod, "exit", http.StatusNoContent)
}

// order sends an order to a pod's health port through the API server.
func order(ctx context.Context, s *stack.Stack, pod, path string, status int) error {
	err := s.Cluster.Kube.CoreV1().RESTClient().Put().Namespace(s.Namespace).Resource("pods").
		Name(fmt.Sprintf("%s:%d", pod, HealthPort)).SubResource("proxy").Suffix(path).
		Param("status", strconv.Itoa(status)).MaxRetries(0).Do(ctx).Error()
	if err != nil {
		return fmt.Errorf("order %s=%d of pod %s/%s: %w", path, status, s.Namespace, pod, err)
	}
	return nil
}

// Addresses returns the host:port of pods at a port.
func Addresses(pods []corev1.Pod, port int) []string {
	var all []string
	for _, pod := range pods {
		all = append(all, net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(port)))
	}
	return all
}

// AddressType is an address's in an EndpointSlice.
func AddressType(ip string) string {
	if strings.Contains(ip, ":") {
		return "IPv6"
	}
	return "IPv4"
}

// PodNames returns the names of pods.
func PodNames(pods []corev1.Pod) []string {
	var names []string
	for _, p := range pods {
		names = append(names, p.Name)
	}
	return names
}
