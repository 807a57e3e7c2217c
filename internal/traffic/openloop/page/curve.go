package page

import (
	"fmt"

	"istio-conformance/internal/report/plot"
	"istio-conformance/internal/traffic/openloop"
)

// Curve is latency at several rates, with the highest that was held where it was
// looked for.
type Curve struct {
	Schema string            `json:"schema"`
	Name   string            `json:"name"`
	Trials []*openloop.Trial `json:"trials"`
	// Rate is the highest that was held, 0 when it was not looked for.
	Rate    float64 `json:"rate"`
	Invalid string  `json:"invalid,omitempty"`
}

// CurveSchema names the contract of a Curve as JSON.
const CurveSchema = "istio-conformance/load-curve/v1"

// WriteCurve writes a curve to dir.
func WriteCurve(dir string, c *Curve) error {
	series := []plot.Series{{Name: "p50", Color: 0}, {Name: "p90", Color: 2}, {Name: "p99", Color: 1}}
	t := table{Title: "Trials", Head: []string{"requests/s", "held", "p50 ms", "p90 ms", "p99 ms", "failed", "outcome"}}
	histograms := map[string]*openloop.Histogram{}
	for i, trial := range c.Trials {
		r := trial.Result
		row := []string{fmt.Sprintf("%.6g", trial.Rate), fmt.Sprintf("%.6g", r.HeldRate())}
		for k, q := range []float64{0.5, 0.9, 0.99} {
			row = append(row, millis(r.Response.Quantile(q)))
			if trial.Doubt == "" {
				series[k].Points = append(series[k].Points, plot.Point{X: trial.Rate, Y: milliseconds(r.Response.Quantile(q))})
			}
		}
		t.Rows = append(t.Rows, append(row, decimal(r.Counts.Failed), trial.Outcome()))
		histograms[fmt.Sprintf("trial-%d", i+1)] = r.Response
	}
	for i := range series {
		sortByX(series[i].Points)
	}
	p := page{Title: "Latency against rate: " + c.Name, Verdict: "pass", Tables: []table{t}, Notes: notes}
	var marks []plot.Mark
	if c.Rate > 0 {
		p.Subtitle = fmt.Sprintf("%.6g requests/s are held", c.Rate)
		marks = append(marks, plot.Mark{X: c.Rate, Text: fmt.Sprintf("%.6g/s held", c.Rate)})
	}
	if c.Invalid != "" {
		p.Verdict, p.Reasons = "invalid", []string{c.Invalid}
	}
	p.Charts = charts(plot.Rates("Response time against rate", series, marks))
	return save(dir, p, c, histograms)
}
