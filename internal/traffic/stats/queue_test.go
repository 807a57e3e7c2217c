package stats

import (
	"math"
	"testing"
)

// One server: the utilization u itself. Two: 2u^2/(1+u). Three: the formula by hand,
// (a^3/6)/(1-u) over that and 1 + a + a^2/2, of a = 3u.
func TestErlangC(t *testing.T) {
	for _, c := range []struct {
		servers     int
		utilization float64
		want        float64
	}{
		{1, 0.3, 0.3}, {2, 0.5, 1.0 / 3}, {2, 0.85, 2 * 0.85 * 0.85 / 1.85}, {3, 0.5, 9.0 / 38},
		{2, 0, 0}, {2, -1, 0}, {0, 0.5, 0}, {2, 1, 1}, {2, 1.2, 1}, {2, math.NaN(), 0},
	} {
		if got := ErlangC(c.servers, c.utilization); math.Abs(got-c.want) > 0.005 {
			t.Errorf("%d servers at %v: %v wait, want %v", c.servers, c.utilization, got, c.want)
		}
	}
}
