package telemetry

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/envoy"
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

var _ = Checks.Add(trace)

// trace follows one request from the gateway to the backend.
func trace(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "trace",
		SkipIf:   s.OursAlone("has a gateway send traces to provider conformance-traces of meshConfig"),
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
			// Sidecar and gateway learn of the Telemetry at different times: of many requests
			// the first is looked at that both have spans of.
			var sent []sighting
			var seen sighting
			t.Eventually(ctx, func() (string, error) {
				one, err := ask(ctx, t, g)
				if err != nil {
					return "", err
				}
				sent = append(sent, one)
				arrived, err := spans(ctx, s)
				for i := range sent {
					sent[i].spans = arrived[sent[i].trace]
				}
				seen = slices.MaxFunc(sent, func(a, b sighting) int { return cmp.Compare(len(a.spans), len(b.spans)) })
				if i := slices.IndexFunc(sent, func(x sighting) bool { return x.state(s, g) == linked }); i >= 0 {
					seen = sent[i]
				}
				return seen.state(s, g), err
			}).WithTimeout(2*kit.PropagationTimeout).Should(gomega.Equal(linked), func() string { return fmt.Sprintf("spans of one of %d requests", len(sent)) })
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

// ask sends a request and returns it with the trace id that the backend got: none
// while the gateway has not learned of the Telemetry.
func ask(ctx context.Context, t *check.T, g ownGateway) (sighting, error) {
	id, header := kit.Mark()
	response := g.get(ctx, "/?id="+id, header)
	t.Expect(response.Status).To(gomega.Equal(200), "%s", response)
	parent := kit.ParseAnswer(t, response).Headers.Get("Traceparent")
	// 00-<trace id>-<span id>-<flags>, https://www.w3.org/TR/trace-context/
	parts := strings.Split(parent, "-")
	if len(parts) != 4 {
		return sighting{}, fmt.Errorf("the backend got traceparent %q", parent)
	}
	return sighting{id: id, trace: parts[1]}, nil
}

// spans returns what the collector got, by its trace.
func spans(ctx context.Context, s *stack.Stack) (map[string][]span, error) {
	logs, err := s.Logs(ctx, s.Namespace, "app=collector", "backend")
	if err != nil {
		return nil, err
	}
	found := map[string][]span{}
	for line := range strings.Lines(logs) {
		var sp span
		if err := json.Unmarshal([]byte(line), &sp); err != nil || sp.Trace == "" {
			// A line of the program's own, for people.
			continue
		}
		found[sp.Trace] = append(found[sp.Trace], sp)
	}
	return found, nil
}

func clientKey(namespace, name string) client.ObjectKey {
	return client.ObjectKey{Namespace: namespace, Name: name}
}
