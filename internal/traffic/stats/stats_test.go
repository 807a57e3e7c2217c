package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/onsi/gomega"
)

func TestExpected(t *testing.T) {
	cases := []struct {
		name  string
		n     int
		p     float64
		level float64
		want  Interval
	}{
		// R: qbinom(c(0.025, 0.975), ...) where no tail falls on the bound itself.
		{"fair coin, 95 %", 100, 0.5, 0.05, Interval{40, 60}},
		{"one in ten, 95 %", 100, 0.1, 0.05, Interval{5, 16}},
		{"certain", 50, 1, 1e-6, Interval{50, 50}},
		{"impossible", 50, 0, 1e-6, Interval{0, 0}},
		{"one trial says nothing", 1, 0.5, 1e-6, Interval{0, 1}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			gomega.NewWithT(t).Expect(Expected(c.n, c.p, c.level)).To(gomega.Equal(c.want))
		})
	}
}

// The probability outside the interval keeps to the level, and one count less on
// either side would not.
func TestExpectedKeepsItsLevel(t *testing.T) {
	for _, n := range []int{20, 100, 400, 1000} {
		for _, p := range []float64{0.05, 0.1, 1.0 / 3, 0.5, 0.9} {
			g := gomega.NewWithT(t)
			i := Expected(n, p, Level)
			g.Expect(1-atLeast(n, i.Low, p)).To(gomega.BeNumerically("<=", Level/2+1e-12), "below, n=%d p=%v %s", n, p, i)
			g.Expect(atLeast(n, i.High+1, p)).To(gomega.BeNumerically("<=", Level/2+1e-12), "above, n=%d p=%v %s", n, p, i)
			g.Expect(1-atLeast(n, i.Low+1, p)).To(gomega.BeNumerically(">", Level/2-1e-12), "too wide below, n=%d p=%v %s", n, p, i)
			g.Expect(atLeast(n, i.High, p)).To(gomega.BeNumerically(">", Level/2-1e-12), "too wide above, n=%d p=%v %s", n, p, i)
			g.Expect(AtMost(n, p, Level/2)).To(gomega.Equal(i.High))
		}
	}
}

func TestConfidence(t *testing.T) {
	cases := []struct {
		n, count  int
		low, high float64
	}{
		// R: binom.test(count, n)$conf.int
		{10, 5, 0.1870860, 0.8129140},
		{100, 10, 0.0490047, 0.1762226},
		{20, 0, 0, 0.1684335},
		{20, 20, 0.8315665, 1},
	}
	for _, c := range cases {
		g := gomega.NewWithT(t)
		low, high := Confidence(c.n, c.count, 0.05)
		g.Expect(low).To(gomega.BeNumerically("~", c.low, 1e-6), "%d of %d", c.count, c.n)
		g.Expect(high).To(gomega.BeNumerically("~", c.high, 1e-6), "%d of %d", c.count, c.n)
	}
}

func TestChiSquare(t *testing.T) {
	cases := []struct {
		name                   string
		counts                 []int
		shares                 []float64
		statistic, probability float64
	}{
		{"as expected", []int{10, 10, 10}, Uniform(3), 0, 1},
		// With two degrees of freedom the probability is exp(-x/2).
		{"two degrees of freedom", []int{20, 10, 30}, Uniform(3), 10, math.Exp(-5)},
		// With one it is erfc(sqrt(x/2)).
		{"one degree of freedom", []int{60, 40}, Uniform(2), 4, math.Erfc(math.Sqrt2)},
		{"unequal shares", []int{80, 20}, []float64{0.9, 0.1}, 100.0 / 9, math.Erfc(math.Sqrt(50.0 / 9))},
		{"far out", []int{100, 0, 0}, Uniform(3), 200, math.Exp(-100)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			statistic, probability := ChiSquare(c.counts, c.shares)
			g.Expect(statistic).To(gomega.BeNumerically("~", c.statistic, 1e-9))
			g.Expect(probability).To(gomega.BeNumerically("~", c.probability, 1e-9*c.probability+1e-300))
		})
	}
}

// A fair die's test rejects at the level as often as the level says.
func TestChiSquareOfAFairDie(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const rounds, level = 2000, 0.05
	rejected := 0
	for range rounds {
		counts := make([]int, 6)
		for range 120 {
			counts[random.IntN(6)]++
		}
		if _, p := ChiSquare(counts, Uniform(6)); p < level {
			rejected++
		}
	}
	want := Expected(rounds, level, Level)
	gomega.NewWithT(t).Expect(want.Contains(rejected)).To(gomega.BeTrue(), "rejected %d, want %s", rejected, want)
}
