package plot

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// Percentiles draws latency against quantile, on an axis on which each step is a
// ten times smaller part of the answers. X is the quantile below 1, Y is in
// milliseconds.
func Percentiles(title string, series []Series) string {
	low, high, nines := math.Inf(1), 0.0, 1.0
	drawn := make([]Series, 0, len(series))
	for _, s := range series {
		moved := s
		moved.Points, moved.Step = nil, true
		for _, p := range s.Points {
			if p.X >= 1 || p.Y <= 0 {
				continue
			}
			low, high = min(low, p.Y), max(high, p.Y)
			x := math.Log10(1 / (1 - p.X))
			nines = max(nines, x)
			moved.Points = append(moved.Points, Point{x, p.Y})
		}
		drawn = append(drawn, moved)
	}
	if high == 0 {
		return empty(title)
	}
	x := axis{label: "quantile", high: math.Ceil(nines), ticks: []tick{{0, "0"}, {math.Log10(2), "p50"}}}
	names := []string{"p90", "p99", "p99.9", "p99.99", "p99.999", "p99.9999"}
	for i, name := range names[:min(len(names), int(x.high))] {
		x.ticks = append(x.ticks, tick{float64(i + 1), name})
	}
	return lines(title, x, logarithmic("ms", low, high), drawn, nil)
}

// Timeline draws latencies per second. X is in seconds, Y in milliseconds.
func Timeline(title string, series []Series, marks []Mark) string {
	x, y, any := extremes(series)
	if !any {
		return empty(title)
	}
	return lines(title, linear("s", x), logarithmic("ms", lowest(series), y), series, marks)
}

// Growth draws amounts over a long time. X is in minutes.
func Growth(title, unit string, series []Series, marks []Mark) string {
	x, y, any := extremes(series)
	if !any {
		return empty(title)
	}
	return lines(title, linear("min", x), linear(unit, y), series, marks)
}

// Rates draws latency against the rate. X is in requests per second, Y in
// milliseconds; marks show where the path breaks.
func Rates(title string, series []Series, marks []Mark) string {
	x, y, any := extremes(series)
	if !any {
		return empty(title)
	}
	for _, m := range marks {
		x = max(x, m.X)
	}
	dotted := slices.Clone(series)
	for i := range dotted {
		dotted[i].Dots = true
	}
	return lines(title, linear("requests/s", x), logarithmic("ms", lowest(series), y), dotted, marks)
}

// Errors stacks the failed requests of each second by class. X is in seconds.
func Errors(title string, series []Series) string {
	sums := map[float64]float64{}
	seconds, high := 0.0, 0.0
	for _, s := range series {
		for _, p := range s.Points {
			sums[p.X] += p.Y
			seconds, high = max(seconds, p.X+1), max(high, sums[p.X])
		}
	}
	if high == 0 {
		return nothing(title, "no request failed")
	}
	f := newFrame(title, fmt.Sprintf("At most %g failed requests in a second.", high), linear("s", seconds), linear("failed/s", high))
	below := map[float64]float64{}
	for _, s := range series {
		for _, p := range s.Points {
			x, to := f.x.at(p.X), f.x.at(p.X+1)
			base, up := f.y.at(below[p.X]), f.y.at(below[p.X]+p.Y)
			below[p.X] += p.Y
			fmt.Fprintf(&f.b, `<rect class="c%d fill" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%s: %g</title></rect>`,
				s.Color%palette, x, up, max(1, to-x-1), base-up, html.EscapeString(s.Name), p.Y)
		}
	}
	f.legend(series)
	return f.end()
}

func lines(title string, x, y axis, series []Series, marks []Mark) string {
	names := make([]string, len(series))
	for i, s := range series {
		names[i] = s.Name
	}
	f := newFrame(title, "Lines: "+strings.Join(names, ", "), x, y)
	for _, s := range series {
		f.line(s)
	}
	f.marks(marks)
	f.legend(series)
	return f.end()
}

// extremes returns the largest X and Y, and whether there is any point.
func extremes(series []Series) (x, y float64, any bool) {
	for _, s := range series {
		for _, p := range s.Points {
			x, y, any = max(x, p.X), max(y, p.Y), true
		}
	}
	return x, y, any && y > 0
}

func lowest(series []Series) float64 {
	low := math.Inf(1)
	for _, s := range series {
		for _, p := range s.Points {
			if p.Y > 0 {
				low = min(low, p.Y)
			}
		}
	}
	return low
}
