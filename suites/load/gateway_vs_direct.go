package load

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/load/gate"
	"istio-conformance/internal/report"
	"istio-conformance/internal/stack"
)

// The names of the two paths.
const (
	pathGateway = "gateway"
	pathDirect  = "direct"
)

// gatewayVsDirect measures what the gateway adds to the latency of the backend.
func gatewayVsDirect(s *stack.Stack, mode Mode) check.Check {
	// Within that much time it is measured at one rate, or found to be impossible;
	// there may be a second, lower one.
	timeout, within := 10*time.Minute, 4*time.Minute
	if mode == Full {
		timeout, within = 50*time.Minute, 22*time.Minute
	}
	return check.Check{
		Name:    "gateway-vs-direct",
		Promise: "the gateway adds no more latency to a backend's answers than is allowed, and fails none",
		Timeout: timeout,
		Run: func(ctx context.Context, t *check.T) {
			x := newTarget(ctx, t, s)
			before, err := x.received(ctx)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			c := &gate.Comparison{}
			how, err := x.generate(ctx, c, x.through, "--baseline", x.direct, "--baseline-name", pathDirect, "--candidate-name", pathGateway,
				"--name", "gateway-vs-direct", "--kind", string(gate.Added), "--profile", string(mode), "--within", within.String())
			t.Diagnose("the load generator could not measure one of the two paths",
				"its message says which and why: look at the gateway's and the backend's pods in the evidence", "")
			t.Expect(err).NotTo(gomega.HaveOccurred())
			l := c.Report()
			l.Notes = append(x.notes(how), l.Notes...)
			t.RecordLoad(l)
			observe(t, c)
			judge(t, c)
			after, err := x.received(ctx)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Diagnose("requests did not take the way that was measured, or were sent more than once: the generator and the backend count differently",
				"something else sends to the backend, or a proxy on the way retries", "")
			requests := sent(c)
			t.Expect(after.since(before)).To(gomega.Equal(received{requests[gate.Baseline] + requests[gate.Candidate], requests[gate.Candidate]}),
				"requests that the backend received, and those of them over mutual TLS from the gateway")
		},
	}
}

// sent counts the requests of each path, at both rates when there were two.
func sent(c *gate.Comparison) map[gate.Role]int64 {
	requests := map[gate.Role]int64{}
	for ; c != nil; c = c.Earlier {
		for _, p := range c.Paths {
			requests[p.Role] += p.Requests
		}
	}
	return requests
}

// observe says what was measured, for the report.
func observe(t *check.T, c *gate.Comparison) {
	for line := range strings.Lines(c.String()) {
		t.Observe("%s", strings.TrimRight(line, "\n"))
	}
}

// judge ends the check unless the verdict is a pass: a failure fails it, and what
// was no measurement skips it, which makes the run invalid.
func judge(t *check.T, c *gate.Comparison) {
	switch c.Verdict {
	case report.VerdictPass:
	case report.VerdictFail:
		t.Diagnose(cause(c), "compare the gateway's configuration with the last one that passed, and look at its CPU limit and its log; report.json has each round",
			"https://istio.io/latest/docs/ops/deployment/performance-and-scalability/")
		t.Expect(c.Verdict).To(gomega.Equal(report.VerdictPass), "%s", strings.Join(c.Reasons, "\n"))
	default:
		t.SkipUnmeasured(c.Verdict, c.Reasons...)
	}
	t.Expect(c.Verdict).To(gomega.Equal(report.VerdictPass))
}

// cause names what the candidate does worse.
func cause(c *gate.Comparison) string {
	for _, p := range c.Paths {
		if p.Role == gate.Candidate && p.Failed > 0 {
			return fmt.Sprintf("requests through the gateway fail (%d of %d) that succeed without it", p.Failed, p.Requests)
		}
	}
	var slow []string
	for _, j := range c.Judgements {
		if j.Verdict == report.VerdictFail {
			slow = append(slow, fmt.Sprintf("%.0f us at p%.6g, where %.0f us are allowed", j.AddedMicros.Center, j.Q*100, j.Limit))
		}
	}
	if len(slow) == 0 {
		return strings.Join(c.Reasons, "; ")
	}
	return "the gateway is too slow: it adds " + strings.Join(slow, ", ")
}
