package openloop

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
	r.unanswered.ended(200 * time.Millisecond)
	r.unanswered.ended(400 * time.Millisecond)
	r.sent(2500 * time.Millisecond)
	r.unanswered.ended(2500 * time.Millisecond)
	r.finish(2600 * time.Millisecond)
	for i, want := range []Interval{{GapMicros: 600e3, SendGapMicros: 1000e3}, {GapMicros: 1600e3, SendGapMicros: 2000e3}, {GapMicros: 2100e3, SendGapMicros: 2500e3}} {
		if got := <-intervals; got.GapMicros != want.GapMicros || got.SendGapMicros != want.SendGapMicros {
			t.Errorf("second %d: %g us without an answer and %g without a request, want %g and %g", i, got.GapMicros, got.SendGapMicros, want.GapMicros, want.SendGapMicros)
		}
	}
	if r.unanswered.longest != 2100*time.Millisecond || r.unsent.longest != 2500*time.Millisecond {
		t.Errorf("%s without an answer and %s without a request", r.unanswered.longest, r.unsent.longest)
	}
}
