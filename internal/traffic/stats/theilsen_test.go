package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Points on a line have its slope, and one wild value does not change it.
func TestTheilSen(t *testing.T) {
	var xs, ys []float64
	for i := range 12 {
		xs, ys = append(xs, float64(i)), append(ys, 5+2*float64(i))
	}
	if slope, low, high := TheilSen(xs, ys, 0.01); slope != 2 || low != 2 || high != 2 {
		t.Errorf("a line: %g (%g to %g), want 2", slope, low, high)
	}
	ys[7] = 1000
	if slope, low, high := TheilSen(xs, ys, 0.01); slope != 2 || low > 2 || high < 2 {
		t.Errorf("a wild value: %g (%g to %g), want 2", slope, low, high)
	}
	if _, low, high := TheilSen(xs[:4], ys[:4], 0.01); !math.IsInf(low, -1) || !math.IsInf(high, 1) {
		t.Errorf("four points: %g to %g, want no bounds", low, high)
	}
}

// The interval misses the true slope as often as its level says.
func TestTheilSenInterval(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const trials, level = 4000, 0.05
	missed := 0
	for range trials {
		var xs, ys []float64
		for i := range 20 {
			xs, ys = append(xs, float64(i)), append(ys, 0.3*float64(i)+random.NormFloat64())
		}
		if _, low, high := TheilSen(xs, ys, level); low > 0.3 || high < 0.3 {
			missed++
		}
	}
	if within := Expected(trials, level, Level); missed > within.High || missed < trials/100 {
		t.Errorf("%d of %d intervals missed the slope, want at most %d and about %g", missed, trials, within.High, trials*level)
	}
}
