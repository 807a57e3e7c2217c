package html

import (
	"cmp"
	"math"
	"slices"
	"time"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

// span is a row of the waterfall: a phase, or a suite with its checks.
type span struct {
	Name, Time, Error string
	Bars              []bar
}

// bar is a piece of a row, in thousandths of the run.
type bar struct {
	X, Width   float64
	Tone, Name string
	// Lane is the row's own row, from 0, where several checks ran at once.
	Lane int
}

// laneHeight is the height of a lane in the units of the picture.
const laneHeight = 10

// Y is the top of the bar.
func (b bar) Y() int { return b.Lane * laneHeight }

// Lanes is how many bars lie above each other.
func (s span) Lanes() int {
	lanes := 1
	for _, b := range s.Bars {
		lanes = max(lanes, b.Lane+1)
	}
	return lanes
}

// Height is the height of the row in the units of the picture.
func (s span) Height() int { return s.Lanes() * laneHeight }

// Pixels is the height of the row on the screen.
func (s span) Pixels() int { return 8 + 8*s.Lanes() }

// layOut gives each bar the first lane that is free.
func layOut(bars []bar) {
	slices.SortStableFunc(bars, func(a, b bar) int { return cmp.Compare(a.X, b.X) })
	var ends []float64
	for i := range bars {
		lane := slices.IndexFunc(ends, func(end float64) bool { return end <= bars[i].X+0.5 })
		if lane < 0 {
			lane, ends = len(ends), append(ends, 0)
		}
		bars[i].Lane = lane
		ends[lane] = bars[i].X + bars[i].Width
	}
}

// waterfall shows when each phase and each suite's checks went on. Phases of
// which only the duration is known are put one behind the other.
func waterfall(doc *report.Report) []span {
	if len(doc.Phases) == 0 {
		return nil
	}
	total := doc.Finished.Sub(doc.Started)
	next := doc.Started
	for _, p := range doc.Phases {
		if p.Started.IsZero() {
			total = max(total, next.Sub(doc.Started)+toDuration(p.Seconds))
			next = next.Add(toDuration(p.Seconds))
		}
	}
	w := scale{doc.Started, max(total, time.Millisecond)}
	var before, after []span
	next = doc.Started
	checks := suiteSpans(doc, w)
	firstCheck := firstStart(doc.Tests)
	for _, p := range doc.Phases {
		start := p.Started
		if start.IsZero() {
			start = next
		}
		next = start.Add(toDuration(p.Seconds))
		row := span{Name: p.Name, Time: wording.Duration(p.Seconds), Error: p.Error}
		tone := "plain"
		if p.Error != "" {
			tone = "fail"
		}
		row.Bars = []bar{w.bar(start, p.Seconds, tone, p.Name)}
		if !firstCheck.IsZero() && start.After(firstCheck) {
			after = append(after, row)
		} else {
			before = append(before, row)
		}
	}
	return append(append(before, checks...), after...)
}

// suiteSpans are the rows of the suites, each with a bar for each check.
func suiteSpans(doc *report.Report, w scale) []span {
	var rows []span
	index := map[string]int{}
	seconds := map[string]float64{}
	for _, t := range doc.Tests {
		if t.Status == report.Skip {
			continue
		}
		i, known := index[t.Suite]
		if !known {
			i = len(rows)
			index[t.Suite] = i
			rows = append(rows, span{Name: "suite " + t.Suite})
		}
		seconds[t.Suite] += t.Seconds
		rows[i].Time = wording.Duration(seconds[t.Suite])
		rows[i].Bars = append(rows[i].Bars, w.bar(t.Started, t.Seconds, (&test{Test: t}).Tone(), t.Name+" "+wording.Duration(t.Seconds)))
	}
	for i := range rows {
		layOut(rows[i].Bars)
	}
	return rows
}

func firstStart(tests []report.Test) time.Time {
	var first time.Time
	for _, t := range tests {
		if first.IsZero() || t.Started.Before(first) {
			first = t.Started
		}
	}
	return first
}

// scale maps times to thousandths of the run.
type scale struct {
	start time.Time
	total time.Duration
}

func (s scale) bar(start time.Time, seconds float64, tone, name string) bar {
	at := func(d time.Duration) float64 {
		return min(1000, max(0, math.Round(1e4*float64(d)/float64(s.total))/10))
	}
	x := min(998, at(start.Sub(s.start)))
	width := max(2, at(start.Add(toDuration(seconds)).Sub(s.start))-x)
	return bar{X: x, Width: math.Round(10*min(width, 1000-x)) / 10, Tone: tone, Name: name}
}

func toDuration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }
