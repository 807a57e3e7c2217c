package page

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"istio-conformance/internal/report/plot"
	"istio-conformance/internal/traffic/openloop"
)

// WriteRun writes one run to dir.
func WriteRun(dir string, r *openloop.Result) error {
	verdict := "pass"
	reasons := slices.Clone(r.Invalid)
	switch {
	case len(r.Invalid) > 0:
		verdict = "invalid"
	case r.Counts.Failed > 0:
		verdict = "fail"
	}
	if r.Counts.Failed > 0 {
		reasons = append(reasons, fmt.Sprintf("%d of %d requests failed: %s", r.Counts.Failed, r.Counts.Planned, openloop.DescribeErrors(r.Errors)))
	}
	p := page{
		Title: "Load on " + label(r), Verdict: verdict, Reasons: reasons, Notes: notes,
		Subtitle: fmt.Sprintf("%s, %.6g requests/s held of %.6g, %gs, %d connections, %d requests, started %s",
			r.Protocol, r.HeldRate(), float64(r.Counts.Planned)/r.Seconds, r.Seconds, r.Connections, r.Counts.Planned, r.Started.Format(time.RFC3339)),
		Tables: []table{latencyTable("Latency", []named{{"response", r.Response}, {"service", r.Service}, {"send lag", r.Lag}, {"own lag", r.OwnLag}}), machineTable(r.Machine)},
		Charts: charts(
			plot.Percentiles("Latency by quantile", []plot.Series{distribution("response", 0, r.Response), dashed(distribution("service", 1, r.Service)), dashed(distribution("own lag", 5, r.OwnLag))}),
			plot.Timeline("Response time in each second", intervalSeries(r.Intervals), nil),
			plot.Errors("Failed requests in each second", errorSeries(r.Intervals)),
		),
	}
	return save(dir, p, r, map[string]*openloop.Histogram{"response": r.Response, "service": r.Service, "own-lag": r.OwnLag})
}

// notes explain the words of every page.
var notes = []string{
	"Response time counts from when a request should have been sent, service time from when it was. A system that stalls shows in the first, and hides from the second.",
	"Own lag is how late the generator itself sent. When it is a noticeable part of the response time, the measurement is invalid: it says nothing about the system.",
	"Latencies are those of good answers; failed requests are counted and never sent again.",
}

type named struct {
	name string
	h    *openloop.Histogram
}

func latencyTable(title string, rows []named) table {
	t := table{Title: title, Head: []string{"ms", "p50", "p90", "p99", "p99.9", "max", "count"}}
	for _, row := range rows {
		cells := []string{row.name}
		for _, q := range []float64{0.5, 0.9, 0.99, 0.999, 1} {
			cells = append(cells, millis(row.h.Quantile(q)))
		}
		t.Rows = append(t.Rows, append(cells, decimal(row.h.Count())))
	}
	return t
}

func machineTable(m openloop.Machine) table {
	percent := func(share float64) string {
		if share < 0 {
			return "unknown"
		}
		return fmt.Sprintf("%.1f %%", 100*share)
	}
	return table{Title: "The machine meanwhile", Head: []string{"CPUs", "busy", "steal", "time in which something waited for a CPU"},
		Rows: [][]string{{decimal(int64(m.CPUs)), percent(m.Busy), percent(m.Steal), percent(m.Pressure)}}}
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func millis(d time.Duration) string { return fmt.Sprintf("%.3f", milliseconds(d)) }

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

func label(r *openloop.Result) string {
	if r.Name != "" {
		return r.Name
	}
	return r.URL
}

func distribution(name string, color int, h *openloop.Histogram) plot.Series {
	s := plot.Series{Name: name, Color: color}
	for _, p := range h.Points() {
		s.Points = append(s.Points, plot.Point{X: p.Quantile, Y: milliseconds(p.Value)})
	}
	return s
}

func dashed(s plot.Series) plot.Series {
	s.Dashed = true
	return s
}

func intervalSeries(intervals []*openloop.Interval) []plot.Series {
	series := []plot.Series{{Name: "p50", Color: 0}, {Name: "p90", Color: 2}, {Name: "p99", Color: 1}, {Name: "max", Color: 5, Dashed: true}}
	for _, interval := range intervals {
		if interval.OK == 0 {
			continue
		}
		for i, q := range []float64{0.5, 0.9, 0.99, 1} {
			point := plot.Point{X: float64(interval.Second) + 0.5, Y: milliseconds(interval.Response.Quantile(q))}
			series[i].Points = append(series[i].Points, point)
		}
	}
	return series
}

func errorSeries(intervals []*openloop.Interval) []plot.Series {
	classes := map[string][]plot.Point{}
	for _, interval := range intervals {
		for class, n := range interval.Errors {
			classes[class] = append(classes[class], plot.Point{X: float64(interval.Second), Y: float64(n)})
		}
	}
	return byClass(classes)
}

func byClass(classes map[string][]plot.Point) []plot.Series {
	var series []plot.Series
	for i, class := range slices.Sorted(maps.Keys(classes)) {
		series = append(series, plot.Series{Name: class, Color: i + 1, Points: classes[class]})
	}
	return series
}
