package stats

import (
	"math"
	"slices"
)

// TheilSen returns the median of the slopes between all pairs of points, which a few wild
// values do not change, and an interval that holds the true slope but with a probability of
// level: that of Sen, by Kendall's statistic (Journal of the American Statistical
// Association 63, 1968). The points must be independent, and the xs differ; the interval is
// infinite where there are too few.
func TheilSen(xs, ys []float64, level float64) (slope, low, high float64) {
	var slopes []float64
	for i := range xs {
		for j := range i {
			slopes = append(slopes, (ys[i]-ys[j])/(xs[i]-xs[j]))
		}
	}
	slices.Sort(slopes)
	n, pairs := float64(len(xs)), len(slopes)
	low, high = math.Inf(-1), math.Inf(1)
	// Of two standard normal tails, level/2 each.
	beyond := math.Sqrt2 * math.Erfinv(1-level) * math.Sqrt(n*(n-1)*(2*n+5)/18)
	if below := int(math.Floor((float64(pairs) - beyond) / 2)); below >= 1 {
		low, high = slopes[below-1], slopes[pairs-below]
	}
	return medianOf(slopes), low, high
}

func medianOf(sorted []float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	return medianOfSorted(sorted)
}
