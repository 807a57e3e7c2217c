package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The distribution's tails against published tables (Hollander, Wolfe, table
// A.4; R: psignrank).
func TestRankSums(t *testing.T) {
	for _, c := range []struct {
		n, w int
		want float64 // P(W <= w)
	}{
		{3, 0, 0.125}, {4, 1, 0.125}, {7, 0, 1.0 / 128}, {10, 5, 0.009765625}, {10, 10, 0.0419921875}, {20, 43, 0.00961685},
	} {
		sum := 0.0
		for _, p := range rankSums(c.n)[:c.w+1] {
			sum += p
		}
		if math.Abs(sum-c.want) > 1e-6 {
			t.Errorf("n=%d: P(W<=%d) = %.8f, want %.8f", c.n, c.w, sum, c.want)
		}
	}
}

func TestRankSumsAreAProbability(t *testing.T) {
	for _, n := range []int{1, 7, 20, 60} {
		sum := 0.0
		for _, p := range rankSums(n) {
			sum += p
		}
		if math.Abs(sum-1) > 1e-9 {
			t.Errorf("n=%d: the probabilities add up to %v", n, sum)
		}
	}
}

// The worked example of Hollander and Wolfe, 3.1: depression factors before and
// after. Estimate -0.46, 96 % interval (-0.786, -0.010).
func TestLocateOfTheTextbook(t *testing.T) {
	x := []float64{1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30}
	y := []float64{0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29}
	d := make([]float64, len(x))
	for i := range x {
		d[i] = y[i] - x[i]
	}
	got := Locate(d, 0.02, 0.02)
	want := Estimate{-0.46, -0.786, -0.010}
	if math.Abs(got.Center-want.Center) > 1e-9 || math.Abs(got.Low-want.Low) > 1e-9 || math.Abs(got.High-want.High) > 1e-9 {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestLocateNeedsEnoughPairs(t *testing.T) {
	same := []float64{1, 1, 1, 1, 1, 1}
	if e := Locate(same, 0.01, 0.01); !math.IsInf(e.Low, -1) || !math.IsInf(e.High, 1) || e.Center != 1 {
		t.Errorf("six pairs cannot be significant at 0.01: %+v", e)
	}
	if e := Locate(append(same, 1, 1), 0.01, 0.01); e.Low != 1 || e.High != 1 {
		t.Errorf("seven pairs that agree are significant at 0.01: %+v", e)
	}
	if n := MinPairs(0.01); n != 7 {
		t.Errorf("MinPairs(0.01) = %d, want 7", n)
	}
	if e := Locate(nil, 0.01, 0.01); !math.IsNaN(e.Center) {
		t.Errorf("nothing has no centre: %+v", e)
	}
}

// Each bound has a level of its own.
func TestLocateWithTwoLevels(t *testing.T) {
	d := []float64{1, 2, 3, 4, 5, 6, 7, 80}
	e := Locate(d, 0.004, 0.02)
	// Of 8 differences, rank sums up to 0 have the probability 0.0039, up to 3 0.0195.
	if want := 7.0; e.Low != 1 || e.High >= 80 || e.High < want {
		t.Errorf("%+v", e)
	}
	if e := Locate(d[:5], 0.004, 0.04); !math.IsInf(e.Low, -1) || e.High != 5 {
		t.Errorf("%+v", e)
	}
}

// The interval must miss the true centre on each side no more often than alpha,
// whatever the tails are like.
func TestLocateCoversTheCentre(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	noise := map[string]func() float64{
		"normal":  random.NormFloat64,
		"cauchy":  func() float64 { return random.NormFloat64() / random.NormFloat64() },
		"uniform": func() float64 { return random.Float64() - 0.5 },
	}
	const trials, alpha = 4000, 0.05
	for name, draw := range noise {
		above, below := 0, 0
		for range trials {
			d := make([]float64, 10)
			for i := range d {
				d[i] = 3 + draw()
			}
			e := Locate(d, alpha, alpha)
			if e.Low > 3 {
				above++
			}
			if e.High < 3 {
				below++
			}
		}
		// Three standard deviations of a binomial around alpha.
		limit := int(trials*alpha + 3*math.Sqrt(trials*alpha*(1-alpha)))
		if above > limit || below > limit {
			t.Errorf("%s: the centre was missed %d and %d times of %d, at most %d each", name, above, below, trials, limit)
		}
		if above < limit/3 || below < limit/3 {
			t.Errorf("%s: the interval is too wide to be of use: missed %d and %d times", name, above, below)
		}
	}
}

func TestSpread(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	d := make([]float64, 10001)
	for i := range d {
		d[i] = 0.03 * random.NormFloat64()
	}
	if got := Spread(d); math.Abs(got-0.03) > 0.002 {
		t.Errorf("the spread of normal noise is %v, want about 0.03", got)
	}
	if got := Median([]float64{4, 1, 3, 2}); got != 2.5 {
		t.Errorf("median: %v", got)
	}
}
