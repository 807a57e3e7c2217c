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
			var id string
			var all []span
			t.Eventually(ctx, func() (int, error) {
				var err error
				id, all, err = traced(ctx, t, s, g)
				return len(all), err
			}).WithTimeout(2*kit.PropagationTimeout).Should(gomega.BeNumerically(">=", 2), "spans of one request, among them the gateway's and the sidecar's")
			t.Diagnose("the spans of a request do not make up one trace",
				"compare the trace ids in the collector's, the gateway's and the backend's log in the evidence", "https://istio.io/latest/docs/tasks/observability/distributed-tracing/overview/")
			judgeTrace(ctx, t, s, g, id, all)
		},
	}
}

const (
	// spanDelay is longer than Envoy keeps spans back before it sends them.
	spanDelay = 8 * time.Second
	spanPoll  = 250 * time.Millisecond
)

// traced sends a request and returns its id and the spans of its trace.
func traced(ctx context.Context, t *check.T, s *stack.Stack, g ownGateway) (string, []span, error) {
	id, header := kit.Mark()
	response := g.get(ctx, "/?id="+id, header)
	t.Expect(response.Status).To(gomega.Equal(200), "%s", response)
	parent := kit.ParseAnswer(t, response).Headers.Get("Traceparent")
	// 00-<trace id>-<span id>-<flags>, https://www.w3.org/TR/trace-context/
	parts := strings.Split(parent, "-")
	if len(parts) != 4 {
		return id, nil, fmt.Errorf("the backend got traceparent %q", parent)
	}
	var all []span
	err := wait.PollUntilContextTimeout(ctx, spanPoll, spanDelay, true, func(ctx context.Context) (bool, error) {
		var err error
		all, err = spans(ctx, s, parts[1])
		return len(all) > 1, err
	})
	if wait.Interrupted(err) {
		// Too few: another request may have more.
		err = nil
	}
	return id, all, err
}

// judgeTrace asserts that the spans, the backend and the access log agree.
func judgeTrace(ctx context.Context, t *check.T, s *stack.Stack, g ownGateway, id string, all []span) {
	byID := map[string]span{}
	for _, sp := range all {
		byID[sp.Span] = sp
	}
	linked := false
	for _, sp := range all {
		parent, known := byID[sp.Parent]
		if known && sp.Service == g.name+"."+s.Namespace && parent.Service == g.name+"-gateway."+s.Namespace {
			linked = true
		}
	}
	t.Expect(linked).To(gomega.BeTrue(), "a span of the sidecar's whose parent is the gateway's, among %+v", all)
	var arrived []kit.Answer
	t.Eventually(ctx, func() ([]kit.Answer, error) {
		var err error
		arrived, err = kit.PodLog(ctx, s, "app="+g.name, id)
		return arrived, err
	}).Should(gomega.HaveLen(1), "the backend's own log")
	t.Expect(arrived[0].Headers.Get("Traceparent")).To(gomega.ContainSubstring(all[0].Trace), "traceparent at the backend")
	t.Eventually(ctx, func() (string, error) {
		entries, err := jsonLines(ctx, s, g, id)
		if err != nil || len(entries) != 1 {
			return "", err
		}
		return entries[0].TraceID, nil
	}).Should(gomega.Equal(all[0].Trace), "trace_id in the gateway's access log")
	t.Observe("trace %s: %d spans, of %s and its gateway", all[0].Trace, len(all), g.name)
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
