package soak

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"istio-conformance/internal/check"
	"istio-conformance/internal/report"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/stats"
)

// resource is something that must not grow.
type resource struct {
	what, unit string
	// perHour is how much it may grow in an hour, and least how much at all: less is what
	// an allocator does now and then, and a pool of connections.
	perHour, least float64
	of             func(point) float64
	leak           func(*stack.Stack) check.Break
}

var (
	memory = resource{"memory", "MiB", 12, 4, func(p point) float64 { return p.kib / 1024 }, leakingGateway}
	files  = resource{"number of open files", "files", 12, 20, func(p point) float64 { return p.files }, connectionsLeftOpen}
)

const (
	// mostBlocks and fewestBlocks are into how many parts the judged time is divided. Samples
	// that follow each other are no independent ones; the lowest of each part are, nearly,
	// and what a garbage collector has still to free is not in them.
	mostBlocks, fewestBlocks = 20, 12
	// level is the probability that an interval does not hold the slope. There are some
	// twenty intervals in a run.
	level = 1e-3
	// known is the share of a part's samples that must be there.
	known = 0.5
)

// trends are how a resource of each process grew once the mesh was warm.
func (w *watched) trends(of resource) []report.Trend {
	var all []report.Trend
	order := func(a, b process) int {
		return cmp.Or(cmp.Compare(w.series[a].component, w.series[b].component), cmp.Compare(a.pod, b.pod), cmp.Compare(a.name, b.name))
	}
	for _, p := range slices.SortedFunc(maps.Keys(w.series), order) {
		s := w.series[p]
		trend := report.Trend{
			Group: of.what + " of " + componentName[s.component], Name: p.pod + " " + p.name, Unit: of.unit,
			WarmSeconds: w.warm.Seconds(), Allowed: of.perHour,
		}
		for _, at := range s.points {
			trend.Points = append(trend.Points, report.TrendPoint{At: at.at.Seconds(), Value: of.of(at)})
		}
		judge(&trend, of.least)
		all = append(all, trend)
	}
	return all
}

var componentName = map[string]string{"istiod": "istiod", "gateway": "the gateway", "sidecars": "the sidecars"}

// judge finds the slope and its interval, and compares it with what is allowed.
func judge(t *report.Trend, least float64) {
	xs, ys := blocks(t)
	if len(xs) < fewestBlocks {
		t.Verdict, t.Reason = report.VerdictInconclusive, fmt.Sprintf("only %d parts of the time have enough samples, want %d", len(xs), fewestBlocks)
		return
	}
	slope, low, high := stats.TheilSen(xs, ys, level)
	t.PerHour, t.Low, t.High = slope, low, high
	// In a short time little growth is much an hour.
	allowed := max(t.Allowed, least/(xs[len(xs)-1]-xs[0]))
	t.Allowed = allowed
	switch {
	case low > allowed:
		t.Verdict = report.VerdictFail
	case high <= allowed:
		t.Verdict = report.VerdictPass
	default:
		t.Verdict, t.Reason = report.VerdictInconclusive, "the interval does not tell whether it grows by more than is allowed; a longer time makes it narrower"
	}
}

// blocks are the lowest values of equal parts of the judged time, by the hour.
func blocks(t *report.Trend) (xs, ys []float64) {
	var warm []report.TrendPoint
	for _, p := range t.Points {
		if p.At >= t.WarmSeconds {
			warm = append(warm, p)
		}
	}
	if len(warm) < 2 {
		return nil, nil
	}
	from, to := warm[0].At, warm[len(warm)-1].At
	n := min(mostBlocks, max(fewestBlocks, len(warm)/12))
	step := (to - from) / float64(n)
	for i := range n {
		begin, lowest, count := from+float64(i)*step, 0.0, 0
		for _, p := range warm {
			if p.At >= begin && p.At < begin+step {
				if count++; count == 1 || p.Value < lowest {
					lowest = p.Value
				}
			}
		}
		if float64(count) >= known*float64(len(warm))/float64(n) {
			xs, ys = append(xs, (begin+step/2)/3600), append(ys, lowest)
		}
	}
	return xs, ys
}

// describe is a trend in one line.
func describe(t *report.Trend) string {
	last := 0.0
	if len(t.Points) > 0 {
		last = t.Points[len(t.Points)-1].Value
	}
	text := fmt.Sprintf("%s, %s: %+.2f %s an hour (%+.2f to %+.2f, %.3g allowed), %.4g at the end", t.Group, t.Name, t.PerHour, t.Unit, t.Low, t.High, t.Allowed, last)
	if t.Reason != "" {
		text += ": " + t.Reason
	}
	return text
}
