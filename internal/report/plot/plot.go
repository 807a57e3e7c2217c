// Package plot draws measurements as SVG that is put into an HTML page as it is:
// no script, no network, and colours that follow the reader's light or dark
// scheme through the page's CSS (see Style).
package plot

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Point is one measured point, in the units of the axes.
type Point struct{ X, Y float64 }

// Series is one line or one stack of bars.
type Series struct {
	Name string
	// Color is an index into the palette of Style, from 0.
	Color  int
	Points []Point
	// Step draws a stair, for distributions.
	Step bool
	// Dots marks each point.
	Dots bool
	// Dashed draws a broken line.
	Dashed bool
}

// Mark is a vertical line with a text, for events.
type Mark struct {
	X    float64
	Text string
}

// The size of a chart, in the units of its viewBox, and of what is around it.
const (
	width, height            = 720.0, 320.0
	left, right, top, bottom = 64.0, 16.0, 40.0, 44.0
	palette                  = 6
)

// frame is a chart's area with its two axes.
type frame struct {
	b    strings.Builder
	x, y axis
	// words are what the chart shows, for who cannot see it.
	words string
	// below is how much room the chart needs under its axis, for a long legend.
	below float64
}

// axis maps values to positions.
type axis struct {
	low, high  float64
	log        bool
	from, to   float64 // positions of low and high
	ticks      []tick
	label      string
	horizontal bool
}

type tick struct {
	value float64
	text  string
}

func (a *axis) at(v float64) float64 {
	low, high := a.low, a.high
	if a.log {
		v, low, high = math.Log10(max(v, a.low)), math.Log10(low), math.Log10(high)
	}
	if high == low {
		return a.from
	}
	share := (v - low) / (high - low)
	return a.from + min(max(share, -0.02), 1.02)*(a.to-a.from)
}

// newFrame begins a chart; what it shows must be in words for who cannot see it.
func newFrame(title, description string, x, y axis) *frame {
	f := &frame{x: x, y: y, words: title + ". " + description}
	f.x.from, f.x.to, f.x.horizontal = left, width-right, true
	f.y.from, f.y.to = height-bottom, top
	fmt.Fprintf(&f.b, `<text class="title" x="%g" y="16">%s</text>`, left, html.EscapeString(title))
	for _, t := range f.x.ticks {
		at := f.x.at(t.value)
		fmt.Fprintf(&f.b, `<line class="grid" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/>`, at, at, top, height-bottom)
		anchor := "middle"
		if at > width-right-24 {
			anchor = "end" // the text would leave the picture
		}
		fmt.Fprintf(&f.b, `<text class="tick" x="%.1f" y="%g" text-anchor="%s">%s</text>`, at, height-bottom+16, anchor, html.EscapeString(t.text))
	}
	for _, t := range f.y.ticks {
		at := f.y.at(t.value)
		fmt.Fprintf(&f.b, `<line class="grid" x1="%g" x2="%g" y1="%.1f" y2="%.1f"/>`, left, width-right, at, at)
		fmt.Fprintf(&f.b, `<text class="tick" x="%g" y="%.1f" text-anchor="end">%s</text>`, left-6, at+4, html.EscapeString(t.text))
	}
	fmt.Fprintf(&f.b, `<text class="tick" x="%g" y="%g" text-anchor="end">%s</text>`, width-right, height-8, html.EscapeString(f.x.label))
	fmt.Fprintf(&f.b, `<text class="tick" x="%g" y="%g">%s</text>`, 4.0, top-8, html.EscapeString(f.y.label))
	return f
}

func (f *frame) line(s Series) {
	var path strings.Builder
	previous := 0.0
	for i, p := range s.Points {
		x, y := f.x.at(p.X), f.y.at(p.Y)
		switch {
		case i == 0:
			fmt.Fprintf(&path, "M%.1f %.1f", x, y)
		case s.Step:
			fmt.Fprintf(&path, "L%.1f %.1fL%.1f %.1f", x, previous, x, y)
		default:
			fmt.Fprintf(&path, "L%.1f %.1f", x, y)
		}
		previous = y
		if s.Dots {
			fmt.Fprintf(&f.b, `<circle class="c%d fill" cx="%.1f" cy="%.1f" r="3"/>`, s.Color%palette, x, y)
		}
	}
	dash := ""
	if s.Dashed {
		dash = ` stroke-dasharray="5 4"`
	}
	fmt.Fprintf(&f.b, `<path class="c%d line" d="%s"%s/>`, s.Color%palette, path.String(), dash)
}

func (f *frame) end() string {
	head := fmt.Sprintf(`<svg class="plot" viewBox="0 0 %g %g" role="img" aria-label="%s">`, width, height+f.below, html.EscapeString(f.words))
	return head + f.b.String() + "</svg>"
}

// empty is a chart of nothing, which says so.
func empty(title string) string { return nothing(title, "no data") }

// nothing is a chart with only a few words in it.
func nothing(title, words string) string {
	f := newFrame(title, words, axis{high: 1}, axis{high: 1})
	fmt.Fprintf(&f.b, `<text class="tick" x="%g" y="%g" text-anchor="middle">%s</text>`, width/2, height/2, html.EscapeString(words))
	return f.end()
}
