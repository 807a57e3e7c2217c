package stats

import (
	"math"
	"slices"
)

// Median returns the middle of the values, NaN of none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	return medianOfSorted(slices.Sorted(slices.Values(values)))
}

func medianOfSorted(sorted []float64) float64 {
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// Spread returns the median absolute value of differences whose centre is known
// to be zero, scaled to the standard deviation that normal noise would have. A
// few wild values do not change it.
func Spread(differences []float64) float64 {
	absolute := make([]float64, len(differences))
	for i, d := range differences {
		absolute[i] = math.Abs(d)
	}
	const normal = 1.4826 // 1 / the 75 % quantile of the normal distribution
	return normal * Median(absolute)
}
