package plot

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Steps of an upgrade can follow each other closely: their names must be legible.
func TestTextsOfMarksDoNotLieOverEachOther(t *testing.T) {
	series := []Series{{Name: "p50", Points: []Point{{0, 1}, {150, 2}}}}
	svg := Timeline("t", series, []Mark{{75, "istiod"}, {70, "gateway"}, {10, "base"}, {149, "workloads"}})
	lines := map[string]string{}
	for _, m := range regexp.MustCompile(`<text class="tick" x="[0-9.]+" y="([0-9]+)" text-anchor="(?:start|end)">([a-z]+)</text>`).FindAllStringSubmatch(svg, -1) {
		lines[m[2]] = m[1]
	}
	if lines["gateway"] == lines["istiod"] || lines["base"] != lines["gateway"] || lines["workloads"] != lines["gateway"] {
		t.Errorf("the lines of the texts: %v", lines)
	}
}

// Five kinds of traffic have more names than fit beside each other.
func TestALongLegendGoesBelowTheAxis(t *testing.T) {
	var series []Series
	for _, name := range []string{"http1-keep-alive p99", "http1-new-connection p99", "http2 p99", "tls p99", "sidecar-to-sidecar p99"} {
		series = append(series, Series{Name: name, Points: []Point{{0, 1}, {9, 2}}})
	}
	svg := Timeline("t", series, nil)
	box := regexp.MustCompile(`viewBox="0 0 720 ([0-9]+)"`).FindStringSubmatch(svg)
	if box == nil {
		t.Fatalf("no size in %.200s", svg)
	}
	tall, err := strconv.ParseFloat(box[1], 64)
	if err != nil || tall <= height {
		t.Errorf("the picture is %v high: %v", box[1], err)
	}
	for _, m := range regexp.MustCompile(`class="c0 key" d="M([0-9-]+) ([0-9]+)h13"`).FindAllStringSubmatch(svg, -1) {
		x, _ := strconv.ParseFloat(m[1], 64)
		y, _ := strconv.ParseFloat(m[2], 64)
		if x < left || x > width || y <= height || y >= tall {
			t.Errorf("a key at %v, %v is outside of the room below the axis", x, y)
		}
	}
	if n := strings.Count(svg, " key"); n != len(series) {
		t.Errorf("%d keys", n)
	}
}
