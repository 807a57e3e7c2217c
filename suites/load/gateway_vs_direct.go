package load

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/report"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/openloop/gate"
)

// The names of the paths; pathReference is the load generator's own for --reference.
const (
	pathGateway   = "gateway"
	pathDirect    = "direct"
	pathReference = "reference"
)

// gatewayVsDirect measures what the gateway adds to the latency of the backend, and
// how much longer it takes than a gateway with the default configuration.
func gatewayVsDirect(s *stack.Stack, mode Mode) check.Check {
	timeout := 8 * time.Minute
	if mode == Full {
		timeout = 50 * time.Minute
	}
	return check.Check{
		Name:    "gateway-vs-direct",
		Promise: "the gateway adds no more latency to a backend's answers than is allowed, is as quick as a gateway with the default configuration, and fails no request",
		Timeout: timeout,
		// Both ways must differ by the gateway alone.
		SkipIf: s.WhyNoNodePorts,
		Run: func(ctx context.Context, t *check.T) {
			x := newTargets(ctx, t, s)
			before, err := x.received(ctx)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			c := &gate.Comparison{}
			how, err := x.generate(ctx, c, x.through, "--baseline", x.direct, "--baseline-name", pathDirect, "--candidate-name", pathGateway,
				"--reference", x.reference, "--name", "gateway-vs-direct", "--kind", string(gate.Added), "--profile", string(mode))
			t.Diagnose("the load generator could not measure one of the paths",
				"its message says which and why: look at the gateway's and the backend's pods in the evidence", "")
			t.Expect(err).NotTo(gomega.HaveOccurred())
			for _, q := range c.All() {
				l := q.Report()
				l.Notes = append(x.notes(how), l.Notes...)
				t.RecordLoad(l)
			}
			observe(t, c)
			judge(t, c)
			after, err := x.received(ctx)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Diagnose("the generator and the backend count different numbers of requests, so what was measured is not what the backend answered",
				"something else sends to the backend, or a proxy on the way retries", "")
			t.Expect(after.since(before)).To(gomega.Equal(sent(c)), "requests that the backend received, and those of them over mutual TLS from a gateway")
		},
	}
}

// sent counts the requests, and those of them through a gateway.
func sent(c *gate.Comparison) received {
	r := received{c.Probed, c.Probed}
	for _, p := range c.Paths {
		r.All += p.Requests
		if p.Name != pathDirect {
			r.MutualTLS += p.Requests
		}
	}
	return r
}

// observe says what was measured, for the report.
func observe(t *check.T, c *gate.Comparison) {
	if c.Pace != "" {
		t.Observe("%s", c.Pace)
	}
	for line := range strings.Lines(c.String()) {
		t.Observe("%s", strings.TrimRight(line, "\n"))
	}
}

// judge ends the check unless every verdict is a pass: a failure fails it, and what
// was no measurement skips it.
func judge(t *check.T, c *gate.Comparison) {
	var failed, unmeasured []*gate.Comparison
	for _, q := range c.All() {
		switch q.Verdict {
		case report.VerdictPass:
		case report.VerdictFail:
			failed = append(failed, q)
		default:
			unmeasured = append(unmeasured, q)
		}
	}
	if len(failed) > 0 {
		var reasons []string
		for _, q := range failed {
			reasons = append(reasons, q.Reasons...)
		}
		t.Diagnose(cause(failed), "compare the gateway's configuration with the last one that passed, and look at its CPU limit and its log; report.json has each round",
			"https://istio.io/latest/docs/ops/deployment/performance-and-scalability/")
		t.Expect(len(failed)).To(gomega.BeZero(), "comparisons that failed: %s", strings.Join(reasons, "\n"))
	}
	if len(unmeasured) > 0 {
		t.SkipUnmeasured(unmeasured[0].Verdict, unmeasured[0].Reasons...)
	}
	t.Expect(c.Verdict).To(gomega.Equal(report.VerdictPass))
}

// cause names what the gateway does worse in the comparisons that failed.
func cause(failed []*gate.Comparison) string {
	if p := failed[0].Path(pathGateway); p.Failed > 0 {
		return fmt.Sprintf("requests through the gateway fail (%d of %d) that succeed without it", p.Failed, p.Requests)
	}
	var causes []string
	for _, c := range failed {
		var slow []string
		for _, j := range c.Judgements {
			switch {
			case j.Verdict != report.VerdictFail:
			case c.Kind == gate.Added:
				slow = append(slow, fmt.Sprintf("%.0f us at p%.6g, where %.0f us are allowed", j.AddedMicros.Center, j.Q*100, j.Limit))
			default:
				slow = append(slow, fmt.Sprintf("%.0f us at p%.6g, where an identical gateway with the default configuration takes %.0f us on the same node", j.CandidateMicros, j.Q*100, j.BaselineMicros))
			}
		}
		verb := map[gate.Kind]string{gate.Added: "adds", gate.Ratio: "takes"}[c.Kind]
		if len(slow) == 0 {
			causes = append(causes, c.Reasons...)
			continue
		}
		causes = append(causes, "the gateway is too slow: it "+verb+" "+strings.Join(slow, ", "))
	}
	return strings.Join(append(causes, failed[len(failed)-1].Witnesses()), "; ")
}
