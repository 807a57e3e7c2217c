package openloop

import (
	"fmt"
	"math"
	"time"
)

// MaxRate is the highest rate that is accepted, in requests per second; it is
// beyond what one generator can send and catches slips of the keyboard.
const MaxRate = 1e6

// Schedule says when requests are due, whatever the system under test does (open
// loop). Request k of a constant rate is due at k/rate after the start.
type Schedule struct {
	// Rate is in requests per second.
	Rate float64
	// To is the rate at the end, when it shall change evenly over Duration; 0
	// means that it stays.
	To float64
	// Warmup comes before Duration at Rate, and is not measured.
	Warmup, Duration time.Duration
}

func (s Schedule) check() error {
	if !(s.Rate > 0 && s.Rate <= MaxRate) || !(s.To >= 0 && s.To <= MaxRate) {
		return fmt.Errorf("a rate must be above 0 and at most %.0f requests per second, not %v", float64(MaxRate), max(s.Rate, s.To))
	}
	if s.Duration <= 0 || s.Warmup < 0 {
		return fmt.Errorf("the duration must be above 0 and the warm-up not below: %s and %s", s.Duration, s.Warmup)
	}
	if s.measured() < 1 {
		return fmt.Errorf("%v requests per second for %s is less than one request", s.Rate, s.Duration)
	}
	return nil
}

func (s Schedule) end() float64 {
	if s.To > 0 {
		return s.To
	}
	return s.Rate
}

func (s Schedule) warm() float64 { return s.Rate * s.Warmup.Seconds() }

func (s Schedule) measured() float64 { return (s.Rate + s.end()) / 2 * s.Duration.Seconds() }

// Count returns how many requests are due in all, warm-up included.
func (s Schedule) Count() int64 { return int64(math.Ceil(s.warm() + s.measured() - 1e-9)) }

// warmCount returns how many of them belong to the warm-up: those due before its end.
func (s Schedule) warmCount() int64 { return int64(math.Ceil(s.warm() - 1e-9)) }

// Total is the time from the start to the end.
func (s Schedule) Total() time.Duration { return s.Warmup + s.Duration }

// seconds returns how many seconds are measured, the last one perhaps not whole.
func (s Schedule) seconds() int { return int((s.Duration + time.Second - 1) / time.Second) }

// At returns when request k is due, counted from the start. It is exact to a
// nanosecond for the first 2^53 of them.
func (s Schedule) At(k int64) time.Duration {
	n := float64(k)
	if s.To == 0 || n <= s.warm() {
		return time.Duration(n * 1e9 / s.Rate)
	}
	// n = Rate*t + (To-Rate)/(2*Duration)*t^2, solved so that To = Rate is no
	// special case.
	n -= s.warm()
	slope := (s.To - s.Rate) / s.Duration.Seconds()
	t := 2 * n / (s.Rate + math.Sqrt(math.Max(0, s.Rate*s.Rate+2*slope*n)))
	return s.Warmup + time.Duration(t*1e9)
}

// Stripe is the share of one of several generators in a common schedule: of the
// requests 0, 1, 2, ... those with k mod Count = Index.
type Stripe struct {
	Index int `json:"index"`
	// Count is how many generators there are; 0 means 1.
	Count int `json:"count"`
}

func (s Stripe) check() error {
	if s.Count < 1 || s.Index < 0 || s.Index >= s.Count {
		return fmt.Errorf("stripe %d of %d does not exist: the first is 0 of 1", s.Index, s.Count)
	}
	return nil
}

// of returns how many of n requests belong to the stripe.
func (s Stripe) of(n int64) int64 {
	return (n - int64(s.Index) + int64(s.Count) - 1) / int64(s.Count)
}
