package telemetry

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/envoy"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// textLine is a line in the format of provider conformance-text in
// fixtures/values/istiod.yaml.
var textLine = regexp.MustCompile(`^conformance-text \[\S+\] "(\S+) (\S+) (\S+)" (\d+) (\S+) (\S+) (\S+)$`)

var _ = Checks.Add(accessLog)

// accessLog compares both formats with what the client sent and the backend got.
func accessLog(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "access-log-json-and-text",
		SkipIf:   s.OursAlone("has a gateway write its log by provider conformance-text of meshConfig"),
		Parallel: true,
		Promise:  "a gateway logs each request once in JSON and, by a Telemetry resource, once in text, and both agree with the client and the backend in every field",
		Run: func(ctx context.Context, t *check.T) {
			name := newName("logged")
			kit.Apply(ctx, t, s, s.Namespace, "telemetry/access-log.yaml", map[string]string{"Name": name})
			g := newGateway(ctx, t, s, name, "backend")
			for _, target := range []string{"/ok", "/fails?status=503"} {
				logged(ctx, t, s, g, target)
			}
		},
	}
}

// logged sends a request and finds it in the backend's log and twice in the
// gateway's.
func logged(ctx context.Context, t *check.T, s *stack.Stack, g ownGateway, target string) {
	id, header := kit.Mark()
	target += map[bool]string{true: "&", false: "?"}[strings.Contains(target, "?")] + "id=" + id
	response := g.get(ctx, target, header)
	t.Expect(response.Status).To(gomega.BeElementOf(http.StatusOK, http.StatusServiceUnavailable), "%s", response)
	var arrived []kit.Answer
	t.Eventually(ctx, func() ([]kit.Answer, error) {
		var err error
		arrived, err = kit.BackendLog(ctx, s, id)
		return arrived, err
	}).Should(gomega.HaveLen(1), "the backend's own log")
	pod := &corev1.Pod{}
	t.Expect(s.Client.Get(ctx, clientKey(s.Namespace, arrived[0].Pod), pod)).To(gomega.Succeed())
	upstream, requestID := net.JoinHostPort(pod.Status.PodIP, "8080"), arrived[0].Headers.Get("X-Request-Id")

	t.Diagnose("the gateway's access log does not say what the client and the backend saw, in the formats that meshConfig and the Telemetry resource ask for",
		"look at access_log of the gateway's listener, and at accessLogFormat, extensionProviders and outboundClusterStatName in ConfigMap istio-system/istio", "https://istio.io/latest/docs/tasks/observability/logs/telemetry-api/")
	t.Eventually(ctx, func() ([]envoy.AccessLog, error) { return jsonLines(ctx, s, g, id) }).Should(gomega.ConsistOf(gomega.And(
		gomega.HaveField("Method", http.MethodGet), gomega.HaveField("Path", target), gomega.HaveField("Authority", g.host),
		gomega.HaveField("Protocol", "HTTP/1.1"), gomega.HaveField("Status", response.Status), gomega.HaveField("Details", "via_upstream"),
		gomega.HaveField("RequestID", requestID), gomega.HaveField("RouteName", g.name), gomega.HaveField("Attempts", 1), gomega.HaveField("UpstreamHost", upstream),
		gomega.HaveField("UpstreamCluster", fmt.Sprintf("outbound|80||backend.%s.svc.cluster.local", s.Namespace)))), "JSON, request %s", requestID)
	t.Eventually(ctx, func() ([][]string, error) { return textLines(ctx, s, g, id) }).Should(gomega.ConsistOf(
		gomega.Equal([]string{http.MethodGet, target, "HTTP/1.1", strconv.Itoa(response.Status), "-", upstream, requestID})), "text, request %s", requestID)
	t.Observe("%s: %d, pod %s and request %s in both formats", target, response.Status, upstream, requestID)
}

// gatewayLines returns the lines of the gateway's log with an id.
func gatewayLines(ctx context.Context, s *stack.Stack, g ownGateway, id string) ([]string, error) {
	logs, err := s.Logs(ctx, s.Namespace, g.selector, "istio-proxy")
	var found []string
	for line := range strings.Lines(logs) {
		if strings.Contains(line, id) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found, err
}

func jsonLines(ctx context.Context, s *stack.Stack, g ownGateway, id string) ([]envoy.AccessLog, error) {
	lines, err := gatewayLines(ctx, s, g, id)
	var found []envoy.AccessLog
	for _, line := range lines {
		if !strings.HasPrefix(line, "{") {
			continue
		}
		entry, err := envoy.ParseAccessLog(line)
		if err != nil {
			return nil, err
		}
		found = append(found, entry)
	}
	return found, err
}

func textLines(ctx context.Context, s *stack.Stack, g ownGateway, id string) ([][]string, error) {
	lines, err := gatewayLines(ctx, s, g, id)
	var found [][]string
	for _, line := range lines {
		if strings.HasPrefix(line, "{") {
			continue
		}
		fields := textLine.FindStringSubmatch(line)
		if fields == nil {
			return nil, fmt.Errorf("neither JSON nor the text format: %q", line)
		}
		found = append(found, fields[1:])
	}
	return found, err
}
