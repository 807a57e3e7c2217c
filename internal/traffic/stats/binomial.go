// Package stats judges counts that chance decides, how many of n requests took a
// way that each takes with a known probability, and estimates from a few pairs how
// much two things differ. All probabilities are exact, so that the level of a
// judgement is the rate of its false alarms and not a guess.
package stats

import (
	"fmt"
	"math"
)

// Level is the probability of a false alarm of one judgement: small enough that
// a nightly run over hundreds of judgements stays silent for years.
const Level = 1e-6

// Interval is a range of counts, both ends included.
type Interval struct{ Low, High int }

// Contains says whether the count lies in the interval.
func (i Interval) Contains(count int) bool { return i.Low <= count && count <= i.High }

// String is such as "324..391".
func (i Interval) String() string { return fmt.Sprintf("%d..%d", i.Low, i.High) }

// Expected returns the counts that n independent trials of probability p show
// but with a probability of at most level: half of it below, half above.
func Expected(n int, p, level float64) Interval {
	low, high := 0, n
	for tail := 0.0; low < n; low++ {
		if tail += binomial(n, low, p); tail > level/2 {
			break
		}
	}
	for tail := 0.0; high > 0; high-- {
		if tail += binomial(n, high, p); tail > level/2 {
			break
		}
	}
	return Interval{low, high}
}

// AtMost returns the largest count that n trials of probability p exceed with a
// probability of at most level.
func AtMost(n int, p, level float64) int {
	high := n
	for tail := 0.0; high > 0; high-- {
		if tail += binomial(n, high, p); tail > level {
			break
		}
	}
	return high
}

// Confidence returns the probabilities that a count of n trials does not refute
// at the level: the interval of Clopper and Pearson (Biometrika 26, 1934).
func Confidence(n, count int, level float64) (low, high float64) {
	low, high = 0, 1
	if count > 0 {
		low = bisect(func(p float64) bool { return atLeast(n, count, p) < level/2 })
	}
	if count < n {
		high = bisect(func(p float64) bool { return 1-atLeast(n, count+1, p) > level/2 })
	}
	return low, high
}

// binomial returns the probability of exactly k successes of n.
func binomial(n, k int, p float64) float64 {
	switch {
	case p <= 0:
		return boolean(k == 0)
	case p >= 1:
		return boolean(k == n)
	}
	return math.Exp(logChoose(n, k) + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
}

// atLeast returns the probability of k successes of n or more.
func atLeast(n, k int, p float64) float64 {
	sum := 0.0
	for ; k <= n; k++ {
		sum += binomial(n, k, p)
	}
	return sum
}

func logChoose(n, k int) float64 {
	return logFactorial(n) - logFactorial(k) - logFactorial(n-k)
}

func logFactorial(n int) float64 {
	value, _ := math.Lgamma(float64(n) + 1)
	return value
}

// bisect returns the p at which holds turns false; it is true below.
func bisect(holds func(p float64) bool) float64 {
	low, high := 0.0, 1.0
	// As many halvings as a float64 between 0 and 1 can tell apart.
	for range 60 {
		if p := (low + high) / 2; holds(p) {
			low = p
		} else {
			high = p
		}
	}
	return (low + high) / 2
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
