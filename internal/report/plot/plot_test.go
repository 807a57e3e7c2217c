package plot

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
)

// parse reads the SVG as XML and counts its elements; every position must be
// inside the picture.
func parse(t *testing.T, svg string) (elements map[string]int, text string) {
	t.Helper()
	elements = map[string]int{}
	decoder := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return elements, text
		}
		if err != nil {
			t.Fatalf("no XML: %v\n%s", err, svg)
		}
		switch token := token.(type) {
		case xml.StartElement:
			elements[token.Name.Local]++
			for _, a := range token.Attr {
				inside(t, token.Name.Local, a)
			}
		case xml.CharData:
			text += string(token) + "\n"
		}
	}
}

func inside(t *testing.T, element string, a xml.Attr) {
	t.Helper()
	var limit float64
	switch a.Name.Local {
	case "x", "x1", "x2", "cx":
		limit = width
	case "y", "y1", "y2", "cy":
		limit = height
	default:
		return
	}
	v, err := strconv.ParseFloat(a.Value, 64)
	if err != nil || math.IsNaN(v) || v < -1 || v > limit+1 {
		t.Errorf("<%s %s=%q> is outside of the picture", element, a.Name.Local, a.Value)
	}
}

func TestPercentiles(t *testing.T) {
	svg := Percentiles("Response <time>", []Series{
		{Name: "direct & more", Points: []Point{{0, 0.1}, {0.5, 0.2}, {0.99, 1}, {0.9999, 40}, {1, 90}}},
		{Name: "gateway", Color: 1, Points: []Point{{0.5, 0.4}, {0.999, 7}}, Dashed: true},
	})
	elements, text := parse(t, svg)
	for _, want := range []string{"Response <time>", "p50", "p90", "p99.99", "direct & more", "gateway", "ms"} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("%q is missing in %q", want, text)
		}
	}
	if n := strings.Count(svg, ` line" d=`); n != 2 || elements["path"] != 4 {
		t.Errorf("%d lines and %d paths, want 2 and a key for each", n, elements["path"])
	}
}

func TestTimelineAndRates(t *testing.T) {
	series := []Series{{Name: "p50", Points: []Point{{0.5, 0.3}, {1.5, 0.4}, {2.5, 250}}}}
	elements, text := parse(t, Timeline("Seconds", series, []Mark{{1, "rollout"}}))
	if !strings.Contains(text, "rollout") || elements["path"] != 2 || elements["circle"] != 0 {
		t.Errorf("%v %q", elements, text)
	}
	elements, text = parse(t, Rates("Rates", series, []Mark{{400, "knee"}}))
	if !strings.Contains(text, "knee") || elements["circle"] != 3 || !strings.Contains(text, "400\n") {
		t.Errorf("%v %q", elements, text)
	}
}

func TestErrorsStack(t *testing.T) {
	elements, text := parse(t, Errors("Errors", []Series{
		{Name: "reset", Color: 1, Points: []Point{{0, 3}, {4, 1}}}, {Name: "http 503 UF", Color: 2, Points: []Point{{4, 2}}},
	}))
	if elements["rect"] != 3 || !strings.Contains(text, "http 503 UF: 2") || !strings.Contains(text, "5\n") {
		t.Errorf("%v %q", elements, text)
	}
}

func TestPairs(t *testing.T) {
	p := Pairs{
		Title: "p50", Baseline: []float64{1, 1.1, 0.9}, Candidate: []float64{1.2, 1.3, 1.1}, BaselineName: "old", CandidateName: "new",
		Ratio: 1.2, Low: 1.15, High: 1.25, Limit: 1.05,
	}
	elements, text := parse(t, Rounds(p))
	if elements["circle"] != 3 || elements["rect"] != 3 || !strings.Contains(text, "old\n") {
		t.Errorf("%v %q", elements, text)
	}
	elements, text = parse(t, Interval(p))
	if elements["circle"] != 4 || !strings.Contains(text, "tolerated 1.05") || strings.Count(Interval(p), `class="interval"`) != 1 {
		t.Errorf("%v %q", elements, text)
	}
	p.Low, p.High, p.Limit = 0, 0, 0
	if svg := Interval(p); strings.Contains(svg, `class="interval"`) || strings.Contains(svg, "tolerated") {
		t.Error("an interval that is not known is drawn")
	}
}

func TestAddedShowsTheCeiling(t *testing.T) {
	svg := Added(Pairs{Title: "p50", Baseline: []float64{1, 1.1}, Candidate: []float64{1.4, 1.6}, Added: 0.45, AddedLow: 0.4, AddedHigh: 0.5, Ceiling: 2})
	for _, want := range []string{"added ms", "round 2: 0.500", "tolerated 2 ms", `class="interval"`, ">equal<"} {
		if !strings.Contains(svg, want) {
			t.Errorf("%q is missing: %s", want, svg)
		}
	}
	if svg := Added(Pairs{Title: "p50", Baseline: []float64{1}, Candidate: []float64{1}}); strings.Contains(svg, "tolerated") || strings.Contains(svg, `class="interval"`) {
		t.Errorf("there is neither ceiling nor interval: %s", svg)
	}
}

func TestNothingToDraw(t *testing.T) {
	for name, svg := range map[string]string{
		"percentiles": Percentiles("x", nil), "timeline": Timeline("x", []Series{{Name: "p50"}}, nil), "rates": Rates("x", nil, nil),
		"rounds": Rounds(Pairs{}), "interval": Interval(Pairs{}),
	} {
		if _, text := parse(t, svg); !strings.Contains(text, "no data") {
			t.Errorf("%s: %q", name, text)
		}
	}
	if _, text := parse(t, Errors("x", nil)); !strings.Contains(text, "no request failed") {
		t.Errorf("errors: %q", text)
	}
}

func TestAxes(t *testing.T) {
	for _, high := range []float64{0, 0.003, 1, 7, 99, 12345} {
		a := linear("", high)
		if a.high < high || len(a.ticks) < 3 || len(a.ticks) > 8 {
			t.Errorf("0 to %v: up to %v with %d ticks", high, a.high, len(a.ticks))
		}
	}
	for _, c := range [][2]float64{{0.1, 0.2}, {0.05, 900}, {1, 1}, {0, 5}} {
		a := logarithmic("", c[0], c[1])
		if !(a.low > 0) || a.high < c[1] || len(a.ticks) < 2 {
			t.Errorf("%v: %+v", c, a)
		}
	}
	if a := between("", 3, 3); !(a.low < 3 && a.high > 3) {
		t.Errorf("%+v", a)
	}
}
