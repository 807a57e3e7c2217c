package plot

import (
	"cmp"
	"fmt"
	"html"
	"slices"
)

// letter is how wide a letter of a tick's text is at most; lineHeight is the way
// from one line of text to the next.
const (
	letter     = 7.0
	lineHeight = 14.0
	// markLines is over how many lines the marks' texts are spread.
	markLines = 5
)

// marks draws the events; texts that would lie over each other go to lines of their
// own.
func (f *frame) marks(marks []Mark) {
	sorted := slices.Clone(marks)
	slices.SortStableFunc(sorted, func(a, b Mark) int { return cmp.Compare(a.X, b.X) })
	var ends [markLines]float64
	for _, m := range sorted {
		at := f.x.at(m.X)
		fmt.Fprintf(&f.b, `<line class="mark" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/>`, at, at, top, height-bottom)
		x, anchor, from, to := at+4, "start", at, at+4+letter*float64(len([]rune(m.Text)))
		if to > width { // the text would leave the picture
			x, anchor, from, to = at-4, "end", at-(to-at), at
		}
		line := max(0, slices.IndexFunc(ends[:], func(end float64) bool { return end <= from }))
		ends[line] = to
		fmt.Fprintf(&f.b, `<text class="tick" x="%.1f" y="%g" text-anchor="%s">%s</text>`, x, top+12+lineHeight*float64(line), anchor, html.EscapeString(m.Text))
	}
}

// legend names the series: above the chart where they fit on one line, else below
// its axis; from the left, which a narrow screen shows first.
func (f *frame) legend(series []Series) {
	total := 0.0
	for _, s := range series {
		total += keyWidth(s)
	}
	x, y := left, top-9
	if total > width-left-right {
		y = height + lineHeight
	}
	for _, s := range series {
		if x > left && x+keyWidth(s) > width {
			x, y = left, y+lineHeight
		}
		f.key(s, x, y)
		x += keyWidth(s)
	}
	if y > height {
		f.below = y + lineHeight/2 - height
	}
}

func keyWidth(s Series) float64 { return letter*float64(len([]rune(s.Name))) + 28 }

// key is one entry of the legend; y is its text's base line.
func (f *frame) key(s Series, x, y float64) {
	dash := ""
	if s.Dashed {
		dash = ` stroke-dasharray="5 3"`
	}
	fmt.Fprintf(&f.b, `<path class="c%d key" d="M%.0f %gh13"%s/>`, s.Color%palette, x, y-4, dash)
	fmt.Fprintf(&f.b, `<text class="tick" x="%.0f" y="%g">%s</text>`, x+17, y, html.EscapeString(s.Name))
}
