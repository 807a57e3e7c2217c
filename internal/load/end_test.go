package load

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// A run that is ended early accounts for every request that was due until there.
func TestEndEarly(t *testing.T) {
	for _, workers := range []int{1, 2} {
		var requests atomic.Int64
		end := make(chan struct{})
		server, _ := serve(t, false, func(http.ResponseWriter, *http.Request) {
			if requests.Add(1) == 300 {
				close(end)
			}
		})
		r, err := Run(t.Context(), Config{
			Path: Path{URL: server.URL, Protocol: HTTP1}, Connections: 4, Workers: workers, End: end,
			Schedule: Schedule{Rate: 1000, Warmup: 50 * time.Millisecond, Duration: time.Hour},
		})
		if err != nil {
			t.Fatal(err)
		}
		c := r.Counts
		if c.Planned != c.OK+c.Failed+c.Overflow || c.Planned < 250 || c.OK != requests.Load()-50 {
			t.Errorf("%d workers: %+v of %d requests", workers, c, requests.Load())
		}
		if r.Seconds <= 0 || r.Seconds > 600 || len(r.Intervals) == 0 || len(r.Intervals) > 600 {
			t.Errorf("%d workers: %g s, %d intervals", workers, r.Seconds, len(r.Intervals))
		}
	}
}

// A gap is noted in each second that it touches, whether or not it has ended.
func TestGap(t *testing.T) {
	s := Schedule{Rate: 10, Duration: 5 * time.Second}
	intervals := make(chan *Interval, 10)
	r := newRecorder(s, intervals)
	r.good(200 * time.Millisecond)
	r.good(400 * time.Millisecond)
	r.roll(2500 * time.Millisecond)
	r.good(2500 * time.Millisecond)
	r.finish(2600 * time.Millisecond)
	for i, want := range []float64{600e3, 1600e3, 2100e3} {
		if got := (<-intervals).GapMicros; got != want {
			t.Errorf("second %d: a gap of %g us, want %g", i, got, want)
		}
	}
	if r.gap != 2100*time.Millisecond {
		t.Errorf("longest gap %s", r.gap)
	}
}
