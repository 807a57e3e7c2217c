package plot

import (
	"fmt"
	"math"
)

// Pairs is what the rounds of a comparison measured at one quantile.
type Pairs struct {
	Title string
	// Baseline and Candidate are the values of each round, in milliseconds.
	Baseline, Candidate         []float64
	BaselineName, CandidateName string
	// Ratio, Low and High are the estimate of candidate over baseline and its
	// interval; Low and High are 0 when there is none.
	Ratio, Low, High float64
	// Limit is the ratio that is tolerated, 0 when there is none.
	Limit float64
	// Added, AddedLow and AddedHigh are the estimate of candidate minus baseline and
	// its interval, Ceiling what is tolerated of it, in milliseconds; see Added.
	Added, AddedLow, AddedHigh, Ceiling float64
}

// estimate is what a chart of an interval shows.
type estimate struct {
	label             string
	unit              string
	values            []float64
	center, low, high float64
	interval          bool
	// equal is the value at which both paths are alike.
	equal, limit float64
}

// Rounds draws each round's pair, joined by a line.
func Rounds(p Pairs) string {
	if len(p.Baseline) == 0 || len(p.Baseline) != len(p.Candidate) {
		return empty(p.Title)
	}
	low, high := math.Inf(1), 0.0
	for i := range p.Baseline {
		low, high = min(low, p.Baseline[i], p.Candidate[i]), max(high, p.Baseline[i], p.Candidate[i])
	}
	x := axis{label: "round", high: float64(len(p.Baseline) + 1)}
	for i := range p.Baseline {
		if len(p.Baseline) <= 25 || (i+1)%5 == 0 {
			x.ticks = append(x.ticks, tick{float64(i + 1), number(float64(i + 1))})
		}
	}
	f := newFrame(p.Title, fmt.Sprintf("%d rounds of %s and %s.", len(p.Baseline), p.BaselineName, p.CandidateName), x, between("ms", low, high))
	for i := range p.Baseline {
		at, from, to := f.x.at(float64(i+1)), f.y.at(p.Baseline[i]), f.y.at(p.Candidate[i])
		fmt.Fprintf(&f.b, `<line class="join" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, at, at, from, to)
		fmt.Fprintf(&f.b, `<circle class="c0 fill" cx="%.1f" cy="%.1f" r="5"/>`, at, from)
		fmt.Fprintf(&f.b, `<rect class="c1 fill" x="%.1f" y="%.1f" width="9" height="9"/>`, at-4.5, to-4.5)
	}
	f.legend([]Series{{Name: p.BaselineName}, {Name: p.CandidateName, Color: 1}})
	return f.end()
}

// Interval draws each round's ratio, the estimate with its interval, and what is
// tolerated.
func Interval(p Pairs) string {
	e := estimate{label: "ratio", center: p.Ratio, low: p.Low, high: p.High, interval: p.High > 0, equal: 1, limit: p.Limit}
	return e.draw(p, func(baseline, candidate float64) float64 { return candidate / baseline })
}

// Added draws what the candidate adds in each round, the estimate with its
// interval, and the ceiling.
func Added(p Pairs) string {
	e := estimate{label: "added ms", unit: " ms", center: p.Added, low: p.AddedLow, high: p.AddedHigh, interval: p.AddedLow != 0 || p.AddedHigh != 0, limit: p.Ceiling}
	return e.draw(p, func(baseline, candidate float64) float64 { return candidate - baseline })
}

func (e estimate) draw(p Pairs, compare func(baseline, candidate float64) float64) string {
	if len(p.Baseline) == 0 || len(p.Baseline) != len(p.Candidate) {
		return empty(p.Title)
	}
	low, high := min(e.equal, e.center), max(e.equal, e.center, e.limit)
	if e.interval {
		low, high = min(low, e.low), max(high, e.high)
	}
	for i := range p.Baseline {
		e.values = append(e.values, compare(p.Baseline[i], p.Candidate[i]))
		low, high = min(low, e.values[i]), max(high, e.values[i])
	}
	f := newFrame(p.Title, fmt.Sprintf("%s %.3f, interval %.3f to %.3f, limit %.3f.", e.label, e.center, e.low, e.high, e.limit), between(e.label, low, high), axis{high: 1})
	middle := (f.y.at(0) + f.y.at(1)) / 2
	for i, value := range e.values {
		// Spread out a little, so that equal ones do not hide each other.
		y := middle + 60 + 14*float64(i%3-1)
		fmt.Fprintf(&f.b, `<circle class="c1 fill" cx="%.1f" cy="%.1f" r="4"><title>round %d: %.3f</title></circle>`, f.x.at(value), y, i+1, value)
	}
	if e.interval {
		fmt.Fprintf(&f.b, `<line class="interval" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, f.x.at(e.low), f.x.at(e.high), middle, middle)
	}
	fmt.Fprintf(&f.b, `<circle class="estimate" cx="%.1f" cy="%.1f" r="7"/>`, f.x.at(e.center), middle)
	marks := []Mark{{e.equal, "equal"}}
	if e.limit > 0 {
		marks = append(marks, Mark{e.limit, fmt.Sprintf("tolerated %.3g%s", e.limit, e.unit)})
	}
	f.marks(marks)
	return f.end()
}
