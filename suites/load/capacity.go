package load

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/report"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/openloop"
	"istio-conformance/internal/traffic/openloop/gate"
	"istio-conformance/internal/traffic/openloop/page"
)

// How the capacity is looked for.
const (
	firstRate    = "500" // requests per second
	highestRate  = "20000"
	trialTime    = "3s"
	longestP99   = "100ms"
	capacityTime = 20 * time.Minute
)

// capacityConnections are the numbers of connections with which it is looked for.
var capacityConnections = []int{8, 32}

// capacity looks for the highest rate that the gateway holds, and what each 1000
// requests/s cost it.
func capacity(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "capacity",
		SkipIf:  s.OursAlone("loads the gateway until it can do no more"),
		Promise: "the gateway holds more than the rate at which its latency is judged; the knee, and its CPU and memory, are reported",
		Timeout: capacityTime,
		Run: func(ctx context.Context, t *check.T) {
			x := newTarget(ctx, t, s)
			l := report.Load{Name: "capacity", Kind: "capacity", Verdict: report.VerdictPass, Quantiles: []report.Quantile{}}
			how := ""
			for _, path := range []struct{ name, url string }{{pathGateway, x.through}, {pathDirect, x.direct}} {
				for _, connections := range capacityConnections {
					curve := &page.Curve{}
					t.Diagnose("the load generator could not measure", "its message says why", "")
					var err error
					how, err = x.generate(ctx, curve, path.url, "--find", "--rate", firstRate, "--max-rate", highestRate,
						"--duration", trialTime, "--warmup", "500ms", "--max-p99", longestP99, "--connections", strconv.Itoa(connections))
					t.Expect(err).NotTo(gomega.HaveOccurred())
					c := describeCurve(path.name, connections, curve)
					t.Observe("%s on %d connections: %s", c.Path, c.Connections, knee(c))
					l.Capacity = append(l.Capacity, c)
					// The promise is about the gateway; where the way without it ends, may be
					// where the generator ends.
					if curve.Invalid != "" && path.name == pathGateway {
						l.Verdict, l.Reasons = report.VerdictInvalid, append(l.Reasons, fmt.Sprintf("%s on %d connections: %s", path.name, connections, curve.Invalid))
					}
					l.Requests += requests(curve)
				}
			}
			l.Rate, l.Notes = l.Capacity[0].KneeRate, append(x.notes(how), "a rate is held when every request is sent and answered in time, without a failure, and p99 is at most "+longestP99)
			rules, err := gate.DefaultRules()
			t.Expect(err).NotTo(gomega.HaveOccurred())
			judged := rules.Profiles[string(Full)].Rate
			t.Diagnose("the gateway did not carry the rate at which its latency is judged", "look at the gateway's CPU limit", "")
			if l.Verdict == report.VerdictPass && l.Rate <= judged {
				l.Verdict, l.Reasons = report.VerdictFail, []string{fmt.Sprintf("the gateway holds %.6g requests/s, latency is judged at %.6g", l.Rate, judged)}
			}
			t.RecordLoad(l)
			if l.Verdict == report.VerdictInvalid {
				t.SkipUnmeasured(report.VerdictInvalid, l.Reasons[0])
			}
			t.Expect(l.Rate).To(gomega.BeNumerically(">", judged), "requests/s that the gateway holds")
		},
	}
}

func requests(curve *page.Curve) int {
	n := 0
	for _, trial := range curve.Trials {
		n += int(trial.Result.Counts.Planned + trial.Result.Counts.Warmup)
	}
	return n
}

// describeCurve is a search as the report holds it.
func describeCurve(path string, connections int, curve *page.Curve) report.Capacity {
	c := report.Capacity{Path: path, Connections: connections, KneeRate: curve.Rate, Reason: curve.Invalid, Points: []report.RatePoint{}}
	for _, trial := range curve.Trials {
		r := trial.Result
		p := report.RatePoint{
			Rate: trial.Rate, Held: r.HeldRate(), P50Micros: micros(r, 0.5), P90Micros: micros(r, 0.9), P99Micros: micros(r, 0.99),
			Errors: int(r.Counts.Failed), Outcome: trial.Outcome(),
		}
		for _, u := range r.Usage {
			if u.Name == pathGateway && u.Error == "" && path == pathGateway {
				// CPU seconds for each 1000 requests are CPUs for each 1000 requests/s.
				p.CPUPerThousand = u.CPUSeconds / float64(r.Counts.Planned+r.Counts.Warmup) * 1000
				p.MemoryBytes = u.MemoryBytes
			}
		}
		c.Points = append(c.Points, p)
	}
	return c
}

func micros(r *openloop.Result, q float64) float64 {
	return float64(r.Response.Quantile(q).Nanoseconds()) / 1e3
}

// knee says in one line what was found.
func knee(c report.Capacity) string {
	if c.KneeRate == 0 {
		return "the knee was not found: " + c.Reason
	}
	line := fmt.Sprintf("%.6g requests/s are held", c.KneeRate)
	at := slices.IndexFunc(c.Points, func(p report.RatePoint) bool { return p.Rate == c.KneeRate })
	if at < 0 {
		return line
	}
	p := c.Points[at]
	line += fmt.Sprintf(", p50 %.0f us, p99 %.0f us", p.P50Micros, p.P99Micros)
	if p.CPUPerThousand > 0 {
		line += fmt.Sprintf(", %.3f CPUs per 1000 requests/s, %.0f MB", p.CPUPerThousand, p.MemoryBytes/1e6)
	}
	return line
}
