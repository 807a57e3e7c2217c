package telemetry

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/envoy"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// span is what the collector logs of a span, see images/backend/collector.go.
type span struct {
	Trace      string            `json:"trace"`
	Span       string            `json:"span"`
	Parent     string            `json:"parent"`
	Service    string            `json:"service"`
	Kind       string            `json:"kind"`
	Attributes map[string]string `json:"attributes"`
}

// trace follows one request from the gateway to the backend.
func trace(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "trace",
		Parallel: true,
		Long:     true,
		Promise:  "a request's spans of the gateway and of the backend's sidecar arrive by OTLP, one the other's parent, under the trace id that the backend and the gateway's access log have too",
		Run: func(ctx context.Context, t *check.T) {
			name := newName("traced")
			kit.Apply(ctx, t, s, s.Namespace, "telemetry/collector.yaml", map[string]string{"Backend": s.Images.Backend})
			kit.Apply(ctx, t, s, s.Namespace, "telemetry/traced.yaml", map[string]string{"Name": name, "Backend": s.Images.Backend})
			g := newGateway(ctx, t, s, name, name)
			onePod(ctx, t, s, "app=collector")
			t.Diagnose("spans do not arrive at the collector",
				"look at the tracing section of the listeners, at the Service collector and its endpoints, and at extensionProviders in ConfigMap istio-system/istio",
				"https://istio.io/latest/docs/tasks/observability/distributed-tracing/opentelemetry/")
			// Sidecar and gateway learn of the Telemetry at different times: the first
			// request that both have spans of is looked at.
			var seen sighting
			t.Eventually(ctx, func() (string, error) {
				var err error
				seen, err = traced(ctx, t, s, g)
				return seen.state(s, g), err
			}).WithTimeout(2*kit.PropagationTimeout).Should(gomega.Equal(linked), "spans of one request")
			t.Diagnose("the spans of a request do not make up one trace with the logs",
				"compare the trace ids in the collector's, the gateway's and the backend's log in the evidence", "https://istio.io/latest/docs/tasks/observability/distributed-tracing/overview/")
			t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.PodLog(ctx, s, "app="+g.name, seen.id) }).Should(gomega.ConsistOf(
				gomega.WithTransform(func(a kit.Answer) string { return a.Headers.Get("Traceparent") }, gomega.ContainSubstring(seen.trace))), "traceparent in the backend's own log")
			t.Eventually(ctx, func() ([]envoy.AccessLog, error) { return jsonLines(ctx, s, g, seen.id) }).
				Should(gomega.ConsistOf(gomega.HaveField("TraceID", seen.trace)), "trace_id in the gateway's access log")
			t.Observe("trace %s: %d spans, of %s and its gateway", seen.trace, len(seen.spans), g.name)
		},
	}
}

// sighting is a request, the trace id that the backend got with it, and the spans
// of that trace that arrived.
type sighting struct {
	id, trace string
	spans     []span
}

// linked is the state of a trace whose spans belong together.
const linked = "the sidecar's span below the gateway's"

// state says how far a trace is whole.
func (x sighting) state(s *stack.Stack, g ownGateway) string {
	byID := map[string]span{}
	for _, sp := range x.spans {
		byID[sp.Span] = sp
	}
	var services []string
	for _, sp := range x.spans {
		if sp.Service == g.name+"."+s.Namespace && byID[sp.Parent].Service == g.name+"-gateway."+s.Namespace {
			return linked
		}
		services = append(services, sp.Service)
	}
	return fmt.Sprintf("%d spans, of %v", len(x.spans), services)
}

const (
	// spanDelay is longer than Envoy keeps spans back before it sends them.
	spanDelay = 8 * time.Second
	spanPoll  = 250 * time.Millisecond
)

// traced sends a request and returns it with the spans of its trace.
func traced(ctx context.Context, t *check.T, s *stack.Stack, g ownGateway) (sighting, error) {
	id, header := kit.Mark()
	seen := sighting{id: id}
	response := g.get(ctx, "/?id="+id, header)
	t.Expect(response.Status).To(gomega.Equal(200), "%s", response)
	parent := kit.ParseAnswer(t, response).Headers.Get("Traceparent")
	// 00-<trace id>-<span id>-<flags>, https://www.w3.org/TR/trace-context/
	parts := strings.Split(parent, "-")
	if len(parts) != 4 {
		return seen, fmt.Errorf("the backend got traceparent %q", parent)
	}
	seen.trace = parts[1]
	err := wait.PollUntilContextTimeout(ctx, spanPoll, spanDelay, true, func(ctx context.Context) (bool, error) {
		var err error
		seen.spans, err = spans(ctx, s, seen.trace)
		return seen.state(s, g) == linked, err
	})
	if wait.Interrupted(err) {
		// Too few: another request may have more.
		err = nil
	}
	return seen, err
}

// spans returns what the collector got of a trace.
func spans(ctx context.Context, s *stack.Stack, trace string) ([]span, error) {
	logs, err := s.Logs(ctx, s.Namespace, "app=collector", "backend")
	if err != nil {
		return nil, err
	}
	var found []span
	for line := range strings.Lines(logs) {
		if !strings.Contains(line, trace) {
			continue
		}
		var sp span
		if err := json.Unmarshal([]byte(line), &sp); err != nil {
			return nil, fmt.Errorf("collector's log line %q: %w", line, err)
		}
		if sp.Trace == trace {
			found = append(found, sp)
		}
	}
	return found, nil
}

func clientKey(namespace, name string) client.ObjectKey {
	return client.ObjectKey{Namespace: namespace, Name: name}
}
