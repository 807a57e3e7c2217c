package stats

import (
	"math"
	"slices"
)

// Estimate is where the centre of some differences lies, by Hodges-Lehmann's estimate
// and the exact interval of Wilcoxon's signed-rank test (Hollander, Wolfe:
// Nonparametric Statistical Methods, 3.1-3.3). It assumes nothing about the
// differences' distribution but that it is symmetric.
type Estimate struct {
	// Center is the median of all pairwise means (Hodges-Lehmann).
	Center float64
	// Low and High bound the centre: it is below Low, and above High, with at most the
	// probability that was asked for. They are infinite when there are too few
	// differences to say so.
	Low, High float64
}

// Locate estimates the centre of the differences; below and above are the one-sided
// levels of its bounds. No differences give a centre of NaN.
func Locate(differences []float64, below, above float64) Estimate {
	means := walsh(differences)
	if len(means) == 0 {
		return Estimate{math.NaN(), math.Inf(-1), math.Inf(1)}
	}
	e := Estimate{Center: medianOfSorted(means), Low: math.Inf(-1), High: math.Inf(1)}
	if c := critical(len(differences), below); c >= 0 {
		e.Low = means[c]
	}
	if c := critical(len(differences), above); c >= 0 {
		e.High = means[len(means)-1-c]
	}
	return e
}

// MinPairs returns the fewest pairs with which a difference can be significant
// at the one-sided level alpha: even when all point the same way, that happens
// by chance in one of 2^n cases.
func MinPairs(alpha float64) int {
	return int(math.Ceil(-math.Log2(alpha) - 1e-9))
}

// walsh returns the means of all pairs, of each value with itself too, in order.
func walsh(values []float64) []float64 {
	means := make([]float64, 0, len(values)*(len(values)+1)/2)
	for i, a := range values {
		for _, b := range values[i:] {
			means = append(means, (a+b)/2)
		}
	}
	slices.Sort(means)
	return means
}

// critical returns the largest c for which a rank sum of at most c has no more
// than the probability alpha, or -1. The c+1 smallest pairwise means may then
// lie below the centre, so that means[c] bounds it.
func critical(n int, alpha float64) int {
	probabilities := rankSums(n)
	sum := 0.0
	for w, p := range probabilities {
		if sum += p; sum > alpha*(1+1e-12) {
			return w - 1
		}
	}
	return len(probabilities) - 1
}

// rankSums returns the probability of each value of the signed-rank statistic of
// n differences whose signs are a fair coin's: rank after rank is added or not.
func rankSums(n int) []float64 {
	p := make([]float64, n*(n+1)/2+1)
	p[0] = 1
	for rank := 1; rank <= n; rank++ {
		for w := rank * (rank + 1) / 2; w >= 0; w-- {
			p[w] /= 2
			if w >= rank {
				p[w] += p[w-rank] / 2
			}
		}
	}
	return p
}
