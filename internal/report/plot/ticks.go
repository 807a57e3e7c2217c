package plot

import (
	"math"
	"strconv"
)

// linear returns an axis from 0 to a round number above high.
func linear(label string, high float64) axis {
	if !(high > 0) {
		high = 1
	}
	step := niceStep(high / 5)
	a := axis{label: label, high: math.Ceil(high/step-1e-9) * step}
	for i := 0; float64(i)*step <= a.high+step/2; i++ {
		v := float64(i) * step
		a.ticks = append(a.ticks, tick{v, number(v)})
	}
	return a
}

// between returns an axis that holds low and high, and some room.
func between(label string, low, high float64) axis {
	room := (high - low) * 0.1
	if room == 0 {
		room = math.Max(math.Abs(high)*0.1, 0.1)
	}
	if low >= 0 { // a duration or a ratio
		low = max(0, low-room)
	} else {
		low -= room
	}
	high += room
	step := niceStep((high - low) / 5)
	a := axis{label: label, low: low, high: high}
	for v := math.Ceil(low/step) * step; v <= high; v += step {
		a.ticks = append(a.ticks, tick{v, number(math.Round(v/step)*step + 0)}) // + 0 makes -0 a 0
	}
	return a
}

// logarithmic returns an axis over whole decades, with ticks at 1, 2 and 5 of
// each when there are few.
func logarithmic(label string, low, high float64) axis {
	if !(low > 0) || !(high > low) {
		low, high = 1, 10
	}
	first, last := math.Floor(math.Log10(low)+1e-9), math.Ceil(math.Log10(high)-1e-9)
	a := axis{label: label, log: true, low: math.Pow(10, first), high: math.Pow(10, last)}
	factors := []float64{1}
	if last-first <= 3 {
		factors = []float64{1, 2, 5}
	}
	for e := first; e <= last; e++ {
		for _, factor := range factors {
			if v := factor * math.Pow(10, e); v <= a.high*(1+1e-9) {
				a.ticks = append(a.ticks, tick{v, number(v)})
			}
		}
	}
	return a
}

// niceStep returns 1, 2 or 5 times a power of ten that is at least step.
func niceStep(step float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(step)))
	for _, factor := range []float64{1, 2, 5} {
		if factor*power >= step*(1-1e-9) {
			return factor * power
		}
	}
	return 10 * power
}

// number writes a value with as few digits as it needs.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 5, 64) }
