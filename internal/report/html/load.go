package html

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"math"
	"slices"
	"strconv"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/plot"
	"istio-conformance/internal/report/wording"
)

// load is a latency comparison with its charts.
type load struct {
	report.Load
	Charts []template.HTML
}

func loads(doc *report.Report) []load {
	all := make([]load, 0, len(doc.Load))
	for _, l := range doc.Load {
		one := load{Load: l}
		for _, svg := range loadCharts(l) {
			one.Charts = append(one.Charts, template.HTML(svg)) // package plot escapes what it is given
		}
		all = append(all, one)
	}
	return all
}

// Tone is the verdict's colour class.
func (l load) Tone() string { return tone(l.Verdict) }

// Mark is the verdict's sign.
func (l load) Mark() string { return verdictMark(l.Verdict) }

// Facts are what was measured with.
func (l load) Facts() []fact {
	all := []fact{{"Rate", fmt.Sprintf("%.6g requests/s", l.Rate)}, {"Rounds", strconv.Itoa(l.Rounds)},
		{"Requests", strconv.Itoa(l.Requests)}, {"Failed", strconv.Itoa(l.Errors)}, {"Own lag p99", micros(l.SendLagP99Micros)}}
	if l.Connections > 0 {
		all = append(all, fact{"Connections", strconv.Itoa(l.Connections)})
	}
	if l.Baseline != "" {
		all = append(all, fact{"Baseline", l.Baseline}, fact{"Candidate", l.Candidate})
	}
	return all
}

// Rows are the quantiles as the table shows them.
func (l load) Rows() [][]string {
	rows := make([][]string, 0, len(l.Quantiles))
	for _, q := range l.Quantiles {
		limit := ""
		switch {
		case q.LimitMicros > 0:
			limit = "+" + micros(q.LimitMicros)
		case q.Limit > 0:
			limit = fmt.Sprintf("%.2f", q.Limit)
		}
		rows = append(rows, []string{
			quantileName(q.Q), micros(q.BaselineMicros), micros(q.CandidateMicros), fmt.Sprintf("%.3f", q.Ratio),
			interval(q), addedText(q), limit, cmp.Or(string(q.Verdict), "reported only"),
		})
	}
	return rows
}

// interval is that of the ratio; too few rounds have none.
func interval(q report.Quantile) string {
	if !q.HasInterval() {
		return "none"
	}
	return fmt.Sprintf("%.3f to %.3f", q.CILow, q.CIHigh)
}

// addedText is what the candidate adds, with its interval where there is one.
func addedText(q report.Quantile) string {
	if q.AddedMicros == 0 {
		return ""
	}
	text := fmt.Sprintf("%+.2f ms", q.AddedMicros/1e3)
	if q.HasAddedInterval() {
		text += fmt.Sprintf(" (%+.2f to %+.2f)", q.AddedLowMicros/1e3, q.AddedHighMicros/1e3)
	}
	return text
}

// CapacityRows are the rates that were tried, for each path.
func (l load) CapacityRows() [][]string {
	var rows [][]string
	for _, c := range l.Capacity {
		for _, p := range c.Points {
			rows = append(rows, []string{
				fmt.Sprintf("%s, %s", c.Path, wording.Plural(c.Connections, "connection")), fmt.Sprintf("%.6g", p.Rate), fmt.Sprintf("%.6g", p.Held),
				micros(p.P50Micros), micros(p.P99Micros), strconv.Itoa(p.Errors), p.Outcome,
			})
		}
	}
	return rows
}

func quantileName(q float64) string {
	if q >= 1 {
		return "max"
	}
	return fmt.Sprintf("p%.6g", 100*q)
}

// micros is a time in microseconds as people read it.
func micros(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.2f s", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%.2f ms", v/1e3)
	}
	return fmt.Sprintf("%.0f µs", v)
}

// loadCharts draws what the measurement kept; what it did not is left out.
func loadCharts(l report.Load) []string {
	var curves, seconds []plot.Series
	classes := map[string][]plot.Point{}
	for i, path := range l.Paths {
		curve := plot.Series{Name: path.Name, Color: i}
		for _, p := range path.Percentiles {
			curve.Points = append(curve.Points, plot.Point{X: p.Q, Y: p.Micros / 1e3})
		}
		curves = append(curves, curve)
		p50, p99 := plot.Series{Name: path.Name + " p50", Color: i}, plot.Series{Name: path.Name + " p99", Color: i, Dashed: true}
		for _, s := range path.Seconds {
			if s.OK > 0 {
				p50.Points = append(p50.Points, plot.Point{X: s.At, Y: s.P50Micros / 1e3})
				p99.Points = append(p99.Points, plot.Point{X: s.At, Y: s.P99Micros / 1e3})
			}
			for class, n := range s.Errors {
				name := path.Name + ": " + class
				classes[name] = append(classes[name], plot.Point{X: math.Floor(s.At), Y: float64(n)})
			}
		}
		seconds = append(seconds, p50, p99)
	}
	var svg []string
	if drawn(curves) {
		svg = append(svg, plot.Percentiles("Response time by quantile", curves))
	}
	if drawn(seconds) {
		svg = append(svg, plot.Timeline("Response time in each second", seconds, nil))
	}
	for _, q := range l.Quantiles { // two charts each, beside each other where there is room
		svg = append(svg, pairCharts(l, q)...)
	}
	if len(classes) > 0 {
		svg = append(svg, plot.Errors("Failed requests in each second", errorSeries(classes)))
	}
	return append(svg, capacityCharts(l)...)
}

func drawn(series []plot.Series) bool {
	return slices.ContainsFunc(series, func(s plot.Series) bool { return len(s.Points) > 0 })
}

func errorSeries(classes map[string][]plot.Point) []plot.Series {
	var series []plot.Series
	for i, class := range slices.Sorted(maps.Keys(classes)) {
		series = append(series, plot.Series{Name: class, Color: i + 1, Points: classes[class]})
	}
	return series
}

// pairCharts draws what each round measured at one quantile, and the estimate that
// the gate judges: what the candidate adds, or its ratio to the baseline.
func pairCharts(l report.Load, q report.Quantile) []string {
	if len(q.Pairs) == 0 {
		return nil
	}
	p := plot.Pairs{
		BaselineName: l.Baseline, CandidateName: l.Candidate, Ratio: q.Ratio, Low: q.CILow, High: q.CIHigh, Limit: q.Limit,
		Added: q.AddedMicros / 1e3, AddedLow: q.AddedLowMicros / 1e3, AddedHigh: q.AddedHighMicros / 1e3, Ceiling: q.LimitMicros / 1e3,
	}
	for _, pair := range q.Pairs {
		p.Baseline = append(p.Baseline, middle(pair.BaselineMicros)/1e3)
		p.Candidate = append(p.Candidate, middle(pair.CandidateMicros)/1e3)
	}
	name := quantileName(q.Q)
	p.Title = name + " in each round"
	svg := []string{plot.Rounds(p)}
	added := l.Kind == "added" || q.LimitMicros > 0
	if added {
		p.Title = name + ": what the candidate adds"
		svg = append(svg, plot.Added(p))
	}
	if !added || q.Limit > 0 {
		p.Title = name + ": ratio of candidate to baseline"
		svg = append(svg, plot.Interval(p))
	}
	return svg
}

// middle is the geometric mean, which is fair to ratios.
func middle(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sum := 0.0
	for _, v := range values {
		sum += math.Log(max(v, 1e-3))
	}
	return math.Exp(sum / float64(len(values)))
}

func capacityCharts(l report.Load) []string {
	var svg []string
	for _, c := range l.Capacity {
		series := []plot.Series{{Name: "p50", Color: 0}, {Name: "p90", Color: 2}, {Name: "p99", Color: 1}}
		for _, p := range c.Points {
			for i, v := range []float64{p.P50Micros, p.P90Micros, p.P99Micros} {
				if v > 0 {
					series[i].Points = append(series[i].Points, plot.Point{X: p.Rate, Y: v / 1e3})
				}
			}
		}
		var marks []plot.Mark
		if c.KneeRate > 0 {
			marks = append(marks, plot.Mark{X: c.KneeRate, Text: fmt.Sprintf("%.6g/s held", c.KneeRate)})
		}
		if drawn(series) {
			svg = append(svg, plot.Rates(fmt.Sprintf("Response time against rate: %s, %s", c.Path, wording.Plural(c.Connections, "connection")), series, marks))
		}
	}
	return svg
}
