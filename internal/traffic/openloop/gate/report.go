package gate

import (
	"fmt"
	"slices"
	"strings"

	"istio-conformance/internal/report"
)

// Report returns the comparison as report.json holds it, without what else was asked.
func (c *Comparison) Report() report.Load {
	l := report.Load{
		Name: c.Name, Verdict: c.Verdict, Rate: c.Rate, Rounds: len(c.Rounds), Quantiles: []report.Quantile{},
		Kind: string(c.Kind), Baseline: c.Baseline, Candidate: c.Candidate,
		Connections: c.Connections, BlockSeconds: c.BlockSeconds, Extended: c.Looks > 1,
		Reasons: slices.Clone(c.Reasons), Notes: []string{c.carriers(), c.Witnesses()},
	}
	if c.Pace != "" {
		l.Notes = append(l.Notes, c.Pace)
	}
	for _, p := range c.ends() {
		l.Requests += int(p.Requests)
		l.Errors += int(p.Failed)
		l.SendLagP99Micros = max(l.SendLagP99Micros, micros(p.OwnLag, 0.99))
		l.Paths = append(l.Paths, p.report(p.role))
	}
	for _, r := range c.Rounds {
		if !r.counts() {
			l.LeftOut = append(l.LeftOut, fmt.Sprintf("round %d: %s", r.Number, r.Invalid[0]))
		}
	}
	for i := range c.Judgements {
		l.Quantiles = append(l.Quantiles, c.reportQuantile(i))
	}
	return l
}

// carriers says which quantiles can carry a verdict on this machine.
func (c *Comparison) carriers() string {
	var carry, only []string
	for i := range c.Judgements {
		if j := &c.Judgements[i]; j.Verdict != "" {
			carry = append(carry, fmt.Sprintf("%s (two equal paths are told apart from %s on)", name(j.Q), j.resolution(c.Kind)))
		} else {
			only = append(only, fmt.Sprintf("%s (%s)", name(j.Q), j.Reason))
		}
	}
	note := "no quantile can carry a verdict here"
	if len(carry) > 0 {
		note = "the verdict rests on " + strings.Join(carry, ", ")
	}
	if len(only) > 0 {
		note += "; only reported: " + strings.Join(only, ", ")
	}
	return note
}

func (j *Judgement) resolution(kind Kind) string {
	if kind == Added {
		return fmt.Sprintf("%.0f us", j.Resolution)
	}
	return fmt.Sprintf("a ratio of %.3f", j.Resolution)
}

// reportQuantile returns the quantile at index i with its pairs.
func (c *Comparison) reportQuantile(i int) report.Quantile {
	j := &c.Judgements[i]
	q := report.Quantile{
		Q: j.Q, BaselineMicros: j.BaselineMicros, CandidateMicros: j.CandidateMicros,
		Ratio: j.Ratio.Center, CILow: j.Ratio.Low, CIHigh: j.Ratio.High, Verdict: j.Verdict, Reason: j.Reason,
		AddedMicros: j.AddedMicros.Center, AddedLowMicros: j.AddedMicros.Low, AddedHighMicros: j.AddedMicros.High,
		AARatio: j.Control.Center, AALow: j.Control.Low, AAHigh: j.Control.High,
	}
	if c.Kind == Added {
		q.ResolutionMicros = j.Resolution
		if j.Verdict != "" {
			q.LimitMicros = j.Limit
		}
	} else {
		q.Resolution = j.Resolution
		if j.Verdict != "" {
			q.Limit = j.Limit
		}
	}
	for _, r := range c.Rounds {
		if r.counts() {
			q.Pairs = append(q.Pairs, report.Pair{
				Round: r.Number, BaselineMicros: at(r.Blocks[c.Baseline], i), CandidateMicros: at(r.Blocks[c.Candidate], i),
			})
		}
	}
	return q
}

// at returns the blocks' values at the quantile of index i.
func at(blocks []Block, i int) []float64 {
	var values []float64
	for _, b := range blocks {
		values = append(values, b.Micros[i])
	}
	return values
}

func (p *PathSummary) report(role string) report.LoadPath {
	out := report.LoadPath{
		Name: p.Name, Role: role, URL: p.URL, Requests: int(p.Requests), Errors: int(p.Failed), ErrorClasses: counts(p.Errors),
	}
	for _, point := range p.Response.Points() {
		out.Percentiles = append(out.Percentiles, report.Percentile{Q: point.Quantile, Micros: float64(point.Value.Nanoseconds()) / 1e3})
	}
	for _, s := range p.Seconds {
		out.Seconds = append(out.Seconds, report.LoadSecond{
			At: s.At, OK: int(s.OK), P50Micros: s.P50Micros, P99Micros: s.P99Micros, MaxMicros: s.MaxMicros, Errors: counts(s.Errors),
		})
	}
	return out
}

func counts(m map[string]int64) map[string]int {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]int, len(m))
	for class, n := range m {
		out[class] = int(n)
	}
	return out
}
