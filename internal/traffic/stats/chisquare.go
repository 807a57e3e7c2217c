package stats

import "math"

// ChiSquare returns the statistic of Pearson's test that the counts come from
// the shares, and the probability of one at least as large if they do. The
// shares sum to 1 and are none of them 0; each count should be expected to be 5
// or more, for the probability to be exact enough.
func ChiSquare(counts []int, shares []float64) (statistic, probability float64) {
	total := 0
	for _, count := range counts {
		total += count
	}
	for i, count := range counts {
		expected := float64(total) * shares[i]
		statistic += (float64(count) - expected) * (float64(count) - expected) / expected
	}
	return statistic, upperGamma(float64(len(counts)-1)/2, statistic/2)
}

// Uniform returns n equal shares.
func Uniform(n int) []float64 {
	shares := make([]float64, n)
	for i := range shares {
		shares[i] = 1 / float64(n)
	}
	return shares
}

// upperGamma is the regularized upper incomplete gamma function Q(a, x), by its
// series where that converges fast and by its continued fraction elsewhere
// (Abramowitz, Stegun: 6.5.29 and 6.5.31).
func upperGamma(a, x float64) float64 {
	switch {
	case x <= 0 || a <= 0:
		return 1
	case x < a+1:
		return 1 - gammaFactor(a, x)*lowerSeries(a, x)
	default:
		return gammaFactor(a, x) * upperFraction(a, x)
	}
}

// gammaFactor is x^a e^-x / Gamma(a), which both forms share.
func gammaFactor(a, x float64) float64 {
	logGamma, _ := math.Lgamma(a)
	return math.Exp(a*math.Log(x) - x - logGamma)
}

// terms bounds both expansions; a few dozen are enough for every use here.
const terms = 500

func lowerSeries(a, x float64) float64 {
	term, sum := 1/a, 1/a
	for n := 1.0; n < terms && term > sum*1e-16; n++ {
		term *= x / (a + n)
		sum += term
	}
	return sum
}

// upperFraction evaluates 1/(x+1-a- 1(1-a)/(x+3-a- 2(2-a)/(x+5-a- ...))) from
// the far end, whose tail does not matter.
func upperFraction(a, x float64) float64 {
	value := 0.0
	for n := float64(terms); n >= 1; n-- {
		value = n * (n - a) / (x + 2*n + 1 - a - value)
	}
	return 1 / (x + 1 - a - value)
}
