package page

import (
	"fmt"
	"html/template"
	"math"
	"time"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/plot"
	"istio-conformance/internal/traffic/openloop"
	"istio-conformance/internal/traffic/openloop/gate"
)

// WriteComparison writes a comparison to dir.
func WriteComparison(dir string, c *gate.Comparison) error {
	p := page{
		Title: "Latency: " + c.Name, Verdict: string(c.Verdict), Notes: append(notes,
			"Each round measures every path twice, in random order. The ratio is of candidate to baseline; its interval is the exact one of the signed-rank test."),
		Subtitle: fmt.Sprintf("%.6g requests/s on %d connections, %d rounds with blocks of %gs, started %s",
			c.Rate, c.Connections, len(c.Rounds), c.BlockSeconds, c.Started.Format(time.RFC3339)),
		Charts: comparisonCharts(c),
	}
	for _, q := range c.All() {
		p.Tables, p.Reasons, p.Notes = append(p.Tables, judgementTable(q)), append(p.Reasons, q.Reasons...), append(p.Notes, q.Witnesses())
		if q.Err() != nil && c.Verdict == report.VerdictPass {
			p.Verdict = string(q.Verdict)
		}
	}
	if c.Pace != "" {
		p.Notes = append(p.Notes, c.Pace)
	}
	p.Tables = append(p.Tables, pathTable(c))
	histograms := map[string]*openloop.Histogram{}
	for _, path := range c.Paths {
		histograms[path.Name] = path.Response
	}
	return save(dir, p, c, histograms)
}

func judgementTable(c *gate.Comparison) table {
	t := table{Title: fmt.Sprintf("%s: %s, by quantile", c.Name, c.Verdict), Head: []string{"quantile", "baseline us", "candidate us", "ratio", "interval", "tolerated", "A/A", "added us", "verdict"}}
	for _, j := range c.Judgements {
		verdict, limit := string(j.Verdict), fmt.Sprintf("%.3g", j.Limit)
		if verdict == "" {
			verdict = "reported only"
		}
		if c.Kind == gate.Added {
			limit = fmt.Sprintf("%.0f us", j.Limit)
		}
		t.Rows = append(t.Rows, []string{
			fmt.Sprintf("p%.6g", j.Q*100), fmt.Sprintf("%.0f", j.BaselineMicros), fmt.Sprintf("%.0f", j.CandidateMicros),
			fmt.Sprintf("%.3f", j.Ratio.Center), interval(j.Ratio), limit, fmt.Sprintf("%.3f", j.Control.Center),
			fmt.Sprintf("%+.0f", j.AddedMicros.Center), verdict,
		})
	}
	return t
}

func interval(b gate.Bounds) string {
	if b.High == 0 {
		return "none"
	}
	return fmt.Sprintf("%.3f to %.3f", b.Low, b.High)
}

func pathTable(c *gate.Comparison) table {
	t := table{Title: "Paths, all rounds together", Head: []string{"ms", "p50", "p90", "p99", "p99.9", "max", "own lag p99", "requests", "failed"}}
	for _, path := range c.Paths {
		row := []string{path.Name}
		for _, q := range []float64{0.5, 0.9, 0.99, 0.999, 1} {
			row = append(row, millis(path.Response.Quantile(q)))
		}
		t.Rows = append(t.Rows, append(row, millis(path.OwnLag.Quantile(0.99)), decimal(path.Requests), decimal(path.Failed)))
	}
	return t
}

func comparisonCharts(c *gate.Comparison) []template.HTML {
	var curves, seconds []plot.Series
	classes := map[string][]plot.Point{}
	for i, path := range c.Paths {
		curves = append(curves, distribution(path.Name, i, path.Response))
		p50, p99 := plot.Series{Name: path.Name + " p50", Color: i}, plot.Series{Name: path.Name + " p99", Color: i, Dashed: true}
		for _, s := range path.Seconds {
			p50.Points = append(p50.Points, plot.Point{X: s.At, Y: s.P50Micros / 1e3})
			p99.Points = append(p99.Points, plot.Point{X: s.At, Y: s.P99Micros / 1e3})
			for class, n := range s.Errors {
				at := plot.Point{X: math.Floor(s.At), Y: float64(n)}
				classes[path.Name+": "+class] = append(classes[path.Name+": "+class], at)
			}
		}
		seconds = append(seconds, p50, p99)
	}
	svg := []string{plot.Percentiles("Response time by quantile", curves)}
	for _, q := range c.All() {
		for i := range q.Judgements {
			svg = append(svg, pairCharts(q, i)...)
		}
	}
	svg = append(svg, plot.Timeline("Response time in each second", seconds, nil), plot.Errors("Failed requests in each second", byClass(classes)))
	return charts(svg...)
}

// middle is the geometric mean of two blocks at the quantile of index i.
func middle(blocks []gate.Block, i int) float64 {
	return math.Sqrt(blocks[0].Micros[i] * blocks[1].Micros[i])
}

// pairCharts draws the quantile at index i.
func pairCharts(c *gate.Comparison, i int) []string {
	j := c.Judgements[i]
	p := plot.Pairs{
		BaselineName: c.Baseline, CandidateName: c.Candidate,
		Ratio: j.Ratio.Center, Low: j.Ratio.Low, High: j.Ratio.High,
	}
	switch {
	case c.Kind == gate.Added:
		p.Added, p.AddedLow, p.AddedHigh = j.AddedMicros.Center/1e3, j.AddedMicros.Low/1e3, j.AddedMicros.High/1e3
		if j.Verdict != "" {
			p.Ceiling = j.Limit / 1e3
		}
	case j.Verdict != "":
		p.Limit = j.Limit
	}
	for _, round := range c.Rounds {
		if len(round.Invalid) > 0 {
			continue
		}
		p.Baseline = append(p.Baseline, middle(round.Blocks[c.Baseline], i)/1e3)
		p.Candidate = append(p.Candidate, middle(round.Blocks[c.Candidate], i)/1e3)
	}
	name := fmt.Sprintf("%s: p%.6g", c.Name, j.Q*100)
	p.Title = name + " in each round"
	dots := plot.Rounds(p)
	if c.Kind == gate.Added {
		p.Title = name + ": what the candidate adds"
		return []string{dots, plot.Added(p)}
	}
	p.Title = name + ": ratio of candidate to baseline"
	return []string{dots, plot.Interval(p)}
}
