package ingress

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/util/rand"

	"istio-conformance/fixtures"
	"istio-conformance/internal/check"
	"istio-conformance/internal/kube"
	"istio-conformance/internal/probe"
	"istio-conformance/internal/stack"
)

// Limits of one request and of a new route's way to the gateway.
const (
	requestTimeout     = 10 * time.Second
	shortTimeout       = 2 * time.Second
	propagationTimeout = 30 * time.Second
	cleanupTimeout     = 20 * time.Second
)

// idHeader marks a request; the backend logs what carries it.
const idHeader = "X-Conformance-Id"

// route is a host name that the gateway routes to the backend for one check.
type route struct {
	stack *stack.Stack
	name  string
	host  string
}

// newRoute applies fixtures/routes/<fixture>.yaml for a host of its own, waits
// until the gateway serves it, and removes it when the check ends.
func newRoute(ctx context.Context, t *check.T, s *stack.Stack, fixture string) route {
	r := route{stack: s, name: fixture + "-" + rand.String(5)}
	r.host = r.name + ".conformance.test"
	manifest, err := fixtures.Files.ReadFile("routes/" + fixture + ".yaml")
	t.Expect(err).NotTo(gomega.HaveOccurred())
	objects, err := kube.Render(manifest, map[string]string{"Name": r.name, "Host": r.host})
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
		defer cancel()
		if err := kube.Delete(ctx, s.Client, objects); err != nil {
			t.Errorf("remove the route: %v", err)
		}
	})
	t.Expect(kube.Apply(ctx, s.Client, s.Namespace, objects)).To(gomega.Succeed())
	r.mustBeServed(ctx, t)
	return r
}

// mustBeServed waits until the gateway answers for the route's host. What came
// back last says what is wrong when it never does.
func (r route) mustBeServed(ctx context.Context, t *check.T) {
	var last probe.Response
	t.Eventually(ctx, func() int {
		last = probe.HTTP(ctx, probe.Request{URL: r.stack.GatewayURL(), Host: r.host, Timeout: shortTimeout})
		return last.Status
	}).WithTimeout(propagationTimeout).Should(gomega.Equal(http.StatusOK), func() string {
		diagnoseUnserved(t, last)
		return fmt.Sprintf("host %s within %s: %s", r.host, propagationTimeout, last)
	})
}

// diagnoseUnserved names the cause that the last response points to.
func diagnoseUnserved(t *check.T, last probe.Response) {
	switch {
	case last.Status == http.StatusNotFound:
		t.Diagnose("the gateway does not serve a new VirtualService: istiod did not send it, or the gateway's Envoy refused it",
			"look at istiod's log and at the gateway's config dump in the evidence, and whether the Gateway's selector matches the gateway pod's labels",
			"https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/")
	case last.Status != 0:
		t.Diagnose(fmt.Sprintf("the gateway serves the route and answers %d instead of the backend", last.Status),
			"look for the request's flags in the gateway's access log in the evidence", "https://istio.io/latest/docs/ops/common-problems/network-issues/")
	case last.Class == probe.Timeout:
		t.Diagnose("a connection is accepted and no answer comes: the gateway cannot reach a backend's pod, or nothing is behind the node port",
			"look for the request in the gateway's access log in the evidence; no entry at all means that it never reached the gateway",
			"https://istio.io/latest/docs/ops/common-problems/network-issues/")
	default:
		t.Diagnose("nothing answers at the gateway's node port: its Service selects no ready pod, or the port is not mapped to the host",
			"compare the Service's selector, ports and EndpointSlices in the evidence with the gateway's pods",
			"https://istio.io/latest/docs/tasks/traffic-management/ingress/ingress-control/")
	}
}

// get sends one request through the gateway's node port on a new connection.
func (r route) get(ctx context.Context, target string, header http.Header) probe.Response {
	return probe.HTTP(ctx, probe.Request{URL: r.stack.GatewayURL() + target, Host: r.host, Headers: header, Timeout: requestTimeout})
}

// getAtOnce sends requests at the same time, each on a connection of its own.
func (r route) getAtOnce(ctx context.Context, target string, n int) []probe.Response {
	responses := make([]probe.Response, n)
	var wait sync.WaitGroup
	for i := range responses {
		wait.Go(func() { responses[i] = r.get(ctx, target, nil) })
	}
	wait.Wait()
	return responses
}

// mark returns a new id for a request and the header that carries it.
func mark() (id string, header http.Header) {
	id = rand.String(12)
	return id, http.Header{idHeader: {id}}
}

// answer is what the backend says of a request: in its response and in its log.
type answer struct {
	ID      string              `json:"id"`
	Pod     string              `json:"pod"`
	Status  int                 `json:"status"`
	Attempt int                 `json:"attempt"`
	Path    string              `json:"path"`
	Headers map[string][]string `json:"headers"`
}

func parseAnswer(t *check.T, r probe.Response) answer {
	var a answer
	t.Expect(json.Unmarshal(r.Body, &a)).To(gomega.Succeed(), "the answer is not the backend's: %s", r)
	return a
}
