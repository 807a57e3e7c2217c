package page

import (
	"cmp"
	"slices"

	"istio-conformance/internal/report/plot"
)

func sortByX(points []plot.Point) {
	slices.SortStableFunc(points, func(a, b plot.Point) int { return cmp.Compare(a.X, b.X) })
}
