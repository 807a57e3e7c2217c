package kit

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/rand"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
)

// Route is a host name that the gateway routes to the backend for one check.
type Route struct {
	// Name is unique to the check, and the name of the route's objects.
	Name string
	// Host is the name that a request must ask for.
	Host string

	stack   *stack.Stack
	objects []*unstructured.Unstructured
}

// NewRoute applies fixtures/routes/<fixture>.yaml for a host of its own, waits
// until the gateway serves it, and removes it when the check ends. The fixture's
// template knows Name, Host and Namespace, and what values add.
func NewRoute(ctx context.Context, t *check.T, s *stack.Stack, fixture string, values map[string]string) Route {
	t.Helper()
	r := UnservedRoute(ctx, t, s, fixture, values)
	r.MustBeServed(ctx, t)
	return r
}

// UnservedRoute is NewRoute for a route whose root path is not to be answered 200:
// it does not wait.
func UnservedRoute(ctx context.Context, t *check.T, s *stack.Stack, fixture string, values map[string]string) Route {
	t.Helper()
	return UnservedRouteIn(ctx, t, s, s.Domain(), fixture, values)
}

// UnservedRouteIn is UnservedRoute for a host below another domain than that of
// the Gateway that all checks share; the fixture brings its own.
func UnservedRouteIn(ctx context.Context, t *check.T, s *stack.Stack, domain, fixture string, values map[string]string) Route {
	t.Helper()
	r := Route{stack: s, Name: fixture + "-" + rand.String(5)}
	r.Host = r.Name + "." + domain
	r.objects = Apply(ctx, t, s, s.Namespace, "routes/"+fixture+".yaml",
		with(map[string]string{"Name": r.Name, "Host": r.Host, "Namespace": s.Namespace}, values))
	return r
}

// Delete removes the route's objects before the check's end.
func (r Route) Delete(ctx context.Context) error { return kube.Delete(ctx, r.stack.Client, r.objects) }

// MustBeServed waits until the gateway answers for the route's host. What came
// back last says what is wrong when it never does.
func (r Route) MustBeServed(ctx context.Context, t *check.T) {
	var last probe.Response
	t.Eventually(ctx, func() int {
		last = probe.HTTP(ctx, probe.Request{URL: r.stack.GatewayURL(), Host: r.Host, Timeout: ShortTimeout})
		return last.Status
	}).WithTimeout(PropagationTimeout).Should(gomega.Equal(http.StatusOK), func() string {
		return fmt.Sprintf("within %s: %s", PropagationTimeout, Unserved{Host: r.Host, Last: last}.Diagnose(ctx, t, r.stack))
	})
}

// Get sends one request through the gateway's node port on a new connection.
func (r Route) Get(ctx context.Context, target string, header http.Header) probe.Response {
	return probe.HTTP(ctx, probe.Request{URL: r.stack.GatewayURL() + target, Host: r.Host, Headers: header, Timeout: RequestTimeout})
}

// GetAtOnce sends requests at the same time, each on a connection of its own.
func (r Route) GetAtOnce(ctx context.Context, target string, n int) []probe.Response {
	responses := make([]probe.Response, n)
	var wait sync.WaitGroup
	for i := range responses {
		wait.Go(func() { responses[i] = r.Get(ctx, target, nil) })
	}
	wait.Wait()
	return responses
}
