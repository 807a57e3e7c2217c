// Package telemetry checks what the system says of the traffic: metrics, access
// logs and traces.
package telemetry

import (
	"context"
	"fmt"
	"net/http"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/rand"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

// Checks are the checks of this feature.
var Checks kit.Checks

// onePod waits for the one ready pod of a selector in the checks' namespace.
func onePod(ctx context.Context, t *check.T, s *stack.Stack, selector string) corev1.Pod {
	t.Diagnose("a pod of the check does not become ready", "look at the pods and events in the evidence", "https://istio.io/latest/docs/ops/common-problems/injection/")
	return kit.MustHavePods(ctx, t, s, s.Namespace, selector, 1)[0]
}

// ownGateway is a gateway whose telemetry the check may change.
type ownGateway struct {
	name, host, selector, url string
}

// newName returns a name for a check's gateway and all that belongs to it.
func newName(prefix string) string { return prefix + "-" + rand.String(5) }

// newGateway starts a gateway that leads its host to a Service, and waits until it
// does.
func newGateway(ctx context.Context, t *check.T, s *stack.Stack, name, service string) ownGateway {
	g := ownGateway{name: name, host: name + "." + s.Domain(), selector: "istio=" + name}
	kit.Apply(ctx, t, s, s.Namespace, "telemetry/gateway.yaml", map[string]string{"Name": name, "Host": g.host, "Service": service})
	pod := onePod(ctx, t, s, g.selector)
	port, stop, err := s.Cluster.PortForward(ctx, pod.Namespace, pod.Name, 8080)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Cleanup(func() {
		// What ended the way to a pod that is going away is of no interest.
		_ = stop()
	})
	g.url = fmt.Sprintf("http://127.0.0.1:%d", port)
	var last probe.Response
	t.Diagnose("a gateway of the check's own does not serve its route", "look at the pod's log in the evidence", "https://istio.io/latest/docs/setup/additional-setup/gateway/")
	t.Eventually(ctx, func() int {
		last = g.get(ctx, "/", nil)
		return last.Status
	}).WithTimeout(kit.PropagationTimeout).Should(gomega.Equal(http.StatusOK), func() string { return last.String() }) //nolint:gocritic // last.String alone is bound to what last is before the first request
	return g
}

func (g ownGateway) get(ctx context.Context, target string, header http.Header) probe.Response {
	return probe.HTTP(ctx, probe.Request{URL: g.url + target, Host: g.host, Headers: header, Timeout: kit.RequestTimeout})
}
