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
	if len(p.Baseline) == 0 || len(p.Baseline) != len(p.Candidate) {
		return empty(p.Title)
	}
	low, high := min(1, p.Ratio), max(1, p.Ratio, p.Limit, p.High)
	if p.Low > 0 {
		low = min(low, p.Low)
	}
	ratios := make([]float64, len(p.Baseline))
	for i := range ratios {
		ratios[i] = p.Candidate[i] / p.Baseline[i]
		low, high = min(low, ratios[i]), max(high, ratios[i])
	}
	x := between("ratio", low, high)
	y := axis{high: 1}
	f := newFrame(p.Title, fmt.Sprintf("Ratio %.3f, interval %.3f to %.3f, limit %.3f.", p.Ratio, p.Low, p.High, p.Limit), x, y)
	middle := (f.y.at(0) + f.y.at(1)) / 2
	for i, ratio := range ratios {
		// Spread out a little, so that equal ones do not hide each other.
		y := middle + 60 + 14*float64(i%3-1)
		fmt.Fprintf(&f.b, `<circle class="c1 fill" cx="%.1f" cy="%.1f" r="4"><title>round %d: %.3f</title></circle>`, f.x.at(ratio), y, i+1, ratio)
	}
	if p.High > 0 {
		fmt.Fprintf(&f.b, `<line class="interval" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, f.x.at(p.Low), f.x.at(p.High), middle, middle)
	}
	fmt.Fprintf(&f.b, `<circle class="estimate" cx="%.1f" cy="%.1f" r="7"/>`, f.x.at(p.Ratio), middle)
	f.marks([]Mark{{1, "equal"}})
	if p.Limit > 0 {
		f.marks([]Mark{{p.Limit, fmt.Sprintf("tolerated %.3g", p.Limit)}})
	}
	return f.end()
}
