package openloop

import (
	"testing"
	"time"
)

func TestScheduleAt(t *testing.T) {
	constant := Schedule{Rate: 400, Warmup: time.Second, Duration: 3 * time.Second}
	ramp := Schedule{Rate: 100, To: 300, Warmup: time.Second, Duration: 2 * time.Second}
	for _, c := range []struct {
		s    Schedule
		k    int64
		want time.Duration
	}{
		{constant, 0, 0}, {constant, 1, 2500 * time.Microsecond}, {constant, 1599, 3997500 * time.Microsecond},
		// After 100 of the warm-up, 150 in the first second of the ramp, 250 in the other.
		{ramp, 50, 500 * time.Millisecond}, {ramp, 100, time.Second}, {ramp, 250, 2 * time.Second}, {ramp, 500, 3 * time.Second},
	} {
		if got := c.s.At(c.k); got != c.want {
			t.Errorf("%+v: request %d is due at %s, want %s", c.s, c.k, got, c.want)
		}
	}
	if constant.Count() != 1600 || constant.warmCount() != 400 || ramp.Count() != 500 {
		t.Errorf("counts: %d, %d, %d", constant.Count(), constant.warmCount(), ramp.Count())
	}
}

func TestScheduleNeverGoesBack(t *testing.T) {
	for _, s := range []Schedule{
		{Rate: 333, Duration: 7 * time.Second}, {Rate: 10, To: 1000, Warmup: time.Second, Duration: 5 * time.Second},
		{Rate: 1000, To: 10, Warmup: 300 * time.Millisecond, Duration: 5 * time.Second}, {Rate: 0.5, To: 0.5, Duration: time.Minute},
	} {
		previous := time.Duration(-1)
		for k := range s.Count() {
			at := s.At(k)
			if at <= previous || at >= s.Total() {
				t.Fatalf("%+v: request %d is due at %s after %s, the end is %s", s, k, at, previous, s.Total())
			}
			previous = at
		}
	}
}

func TestScheduleCheck(t *testing.T) {
	for _, bad := range []Schedule{
		{Rate: 0, Duration: time.Second}, {Rate: -1, Duration: time.Second}, {Rate: 2e6, Duration: time.Second}, {Rate: 1, To: -1, Duration: time.Second},
		{Rate: 1}, {Rate: 1, Duration: time.Second, Warmup: -1}, {Rate: 0.1, Duration: time.Second},
	} {
		if bad.check() == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

// Every request belongs to exactly one stripe, worker and connection, and is due
// when the whole schedule says.
func TestStripesShareTheSchedule(t *testing.T) {
	s := Schedule{Rate: 1000, Duration: 1003 * time.Millisecond}
	seen := map[time.Duration]int{}
	const stripes, workers, connections = 3, 2, 5
	for index := range stripes {
		p := &plan{workers: workers, config: Config{Schedule: s, Stripe: Stripe{index, stripes}, Connections: connections}}
		own := p.config.Stripe.of(s.Count())
		for i := range workers {
			w := &worker{plan: p, index: i, count: Stripe{i, workers}.of(own)}
			for c := i; c < connections; c += workers {
				w.conns = append(w.conns, &conn{index: len(w.conns)})
			}
			n := int64(len(w.conns))
			for k := range w.count {
				seen[w.due(k/n, int(k%n))]++
			}
		}
	}
	for k := range s.Count() {
		if seen[s.At(k)] != 1 {
			t.Fatalf("request %d is sent %d times", k, seen[s.At(k)])
		}
	}
	if len(seen) != int(s.Count()) {
		t.Errorf("%d times of %d", len(seen), s.Count())
	}
}
