package kit

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/rand"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
)

// WorkloadTimeout bounds the start of a workload's pods, on a busy machine too.
const WorkloadTimeout = 90 * time.Second

// Scratch is a host that the gateway serves for one check, from objects in the
// run's own namespace. It works in an existing cluster too.
type Scratch struct {
	Namespace string
	// Name is unique to the check, and the name of its objects.
	Name string
	// Host is the name that a request must ask for.
	Host string
	// URL is where the gateway is reached.
	URL string

	stack *stack.Stack
}

// NewScratch returns a host and a name for a check's objects; it applies none.
func NewScratch(ctx context.Context, t *check.T, s *stack.Stack, name string) Scratch {
	t.Helper()
	namespace, err := s.ScratchNamespace(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	c := Scratch{Namespace: namespace, Name: name + "-" + rand.String(5), stack: s, URL: s.GatewayURL()}
	c.Host = c.Name + ".install." + s.Domain()
	return c
}

// Values are what the templates of fixtures/install know, and more.
func (c Scratch) Values(more map[string]string) map[string]string {
	return with(with(c.stack.FixtureValues(), map[string]string{
		"Name": c.Name, "Host": c.Host, "Namespace": c.Namespace, "Inject": "false", "ProxyMetadata": "{}", "DataplaneMode": "none",
	}), more)
}

// Apply applies fixtures/install/<fixture>.yaml until the check ends.
func (c Scratch) Apply(ctx context.Context, t *check.T, fixture string, values map[string]string) {
	t.Helper()
	Apply(ctx, t, c.stack, c.Namespace, "install/"+fixture+".yaml", c.Values(values))
}

// Selector matches the pods of the workload.
func (c Scratch) Selector() string { return "app=" + c.Name }

// Workload applies fixtures/install/workload.yaml, waits for its pod and until
// the gateway serves it, and returns the pod.
func (c Scratch) Workload(ctx context.Context, t *check.T, values map[string]string) corev1.Pod {
	t.Helper()
	c.StartWorkload(ctx, t, values)
	return c.AwaitWorkload(ctx, t)
}

// StartWorkload is the first half of Workload: it applies the fixture.
func (c Scratch) StartWorkload(ctx context.Context, t *check.T, values map[string]string) {
	t.Helper()
	c.Apply(ctx, t, "workload", with(map[string]string{"Backend": c.stack.Images.Backend}, values))
}

// AwaitWorkload is the second half of Workload: it waits, and returns the pod.
func (c Scratch) AwaitWorkload(ctx context.Context, t *check.T) corev1.Pod {
	t.Helper()
	t.Diagnose("a workload of the check's own does not become ready",
		"look at the pods and events in the evidence", "https://istio.io/latest/docs/ops/common-problems/")
	pods := c.MustHavePods(ctx, t, 1)
	c.MustBeServed(ctx, t)
	return pods[0]
}

// MustHavePods waits until so many pods of the workload are ready, and no more.
func (c Scratch) MustHavePods(ctx context.Context, t *check.T, n int) []corev1.Pod {
	t.Helper()
	return MustHavePods(ctx, t, c.stack, c.Namespace, c.Selector(), n)
}

// MustBeServed waits until the gateway answers 200 for the host.
func (c Scratch) MustBeServed(ctx context.Context, t *check.T) {
	t.Helper()
	var last probe.Response
	t.Eventually(ctx, func() int {
		last = c.get(ctx, ShortTimeout, nil)
		return last.Status
	}).WithTimeout(PropagationTimeout).Should(gomega.BeElementOf(statuses(c.stack)), func() string {
		return fmt.Sprintf("within %s: %s", PropagationTimeout, Unserved{Host: c.Host, Last: last}.Diagnose(ctx, t, c.stack))
	})
	SkipRefused(t, c.stack, c.Host, last)
}

// statuses are those that end the wait for a host: 200, and where policies of somebody
// else's may refuse the request, 403.
func statuses(s *stack.Stack) []int {
	if s.Existing() {
		return []int{http.StatusOK, http.StatusForbidden}
	}
	return []int{http.StatusOK}
}

// SkipRefused skips a check whose request somebody else's AuthorizationPolicy refuses.
func SkipRefused(t *check.T, s *stack.Stack, host string, last probe.Response) {
	t.Helper()
	if s.Existing() && last.Status == http.StatusForbidden {
		t.Skipf("policies refuse what the checks send: the answer for %s is 403 %.40s; an AuthorizationPolicy in %s or beside the gateway that allows *.%s would let them through", host, last.Body, stack.SystemNamespace, s.Domain())
	}
}

// Get sends one request through the gateway on a connection of its own.
func (c Scratch) Get(ctx context.Context, header http.Header) probe.Response {
	return c.get(ctx, RequestTimeout, header)
}

func (c Scratch) get(ctx context.Context, timeout time.Duration, header http.Header) probe.Response {
	return probe.HTTP(ctx, probe.Request{URL: c.URL, Host: c.Host, Headers: header, Timeout: timeout})
}

// Endpoints asks the gateway's Envoy for the addresses behind the workload's
// Service that get requests.
func (c Scratch) Endpoints(ctx context.Context) ([]string, error) {
	return readyEndpoints(ctx, c.stack, fmt.Sprintf("outbound|80||%s.%s.svc.cluster.local", c.Name, c.Namespace))
}
