package progress

import (
	"context"
	"testing"
)

func TestShow(t *testing.T) {
	Show(t.Context(), func(int) string { return "" })() // nobody looks
	var shown Gauge
	ctx := WithGauges(context.Background(), func(g Gauge) { shown = g })
	done := Show(ctx, func(width int) string { return Bar(0.5, width) })
	if got := shown(6); got != "[##--]" {
		t.Errorf("shows %q", got)
	}
	if done(); shown != nil {
		t.Error("the gauge stays after the work is done")
	}
}

func TestBar(t *testing.T) {
	for _, test := range []struct {
		share float64
		width int
		want  string
	}{
		{0, 10, "[--------]"}, {0.49, 10, "[###-----]"}, {1, 10, "[########]"}, {1.2, 4, "[##]"}, {-1, 4, "[--]"}, {1, 0, "[#]"},
	} {
		if got := Bar(test.share, test.width); got != test.want {
			t.Errorf("%v in %d: %s, want %s", test.share, test.width, got, test.want)
		}
	}
}

func TestRoughly(t *testing.T) {
	for seconds, want := range map[float64]string{0: "5s", 41: "45s", 59.9: "60s", 61: "1m00s", 119: "1m45s", 600: "10m", 1799: "30m"} {
		if got := Roughly(seconds); got != want {
			t.Errorf("%v s: %s, want %s", seconds, got, want)
		}
	}
}
