package load

import (
	"time"

	"istio-conformance/internal/load/wire"
)

// grace is how much later than the end of the schedule a request may be sent,
// and answerGrace how much later it may be answered, to have been in time.
const (
	grace       = 10 * time.Millisecond
	answerGrace = time.Second
)

// recorder counts what one worker sees. What was intended during the warm-up is
// not counted, apart from its failures.
type recorder struct {
	warmup, end time.Duration
	seconds     int
	counts      Counts
	errors      map[string]int64
	warmErrors  map[string]int64
	latencies   Latencies
	opened      int64

	lastGood time.Duration // when the last good answer came
	gap      time.Duration // the longest time without one
	second   int
	interval *Interval
	publish  chan<- *Interval
}

func newRecorder(s Schedule, publish chan<- *Interval) *recorder {
	return &recorder{
		warmup: s.Warmup, end: s.Total(), seconds: s.seconds(), interval: newInterval(0), publish: publish,
		lastGood: s.Warmup, errors: map[string]int64{}, warmErrors: map[string]int64{}, latencies: NewLatencies(),
	}
}

// answered counts a whole answer and returns its class, "" for a good one; it does
// not allocate when the answer is good.
func (r *recorder) answered(now time.Duration, a *wire.Answer) (class string) {
	if class = classOf(a); class != "" {
		r.failed(now, a.Ticket, class)
		return class
	}
	if a.Intended < r.warmup {
		return ""
	}
	r.roll(now)
	response := now - a.Intended
	r.latencies.Response.Record(response)
	r.latencies.Service.Record(now - a.Sent)
	r.latencies.Lag.Record(a.Sent - a.Intended)
	r.latencies.OwnLag.Record(a.Own)
	r.interval.Response.Record(response)
	r.counts.OK++
	r.interval.OK++
	r.good(now)
	r.late(now, a.Ticket)
	return ""
}

// good notes a good answer's time.
func (r *recorder) good(now time.Duration) {
	r.waited(now)
	r.lastGood = now
}

// waited notes for how long there has been no good answer.
func (r *recorder) waited(now time.Duration) {
	gap := now - r.lastGood
	r.gap = max(r.gap, gap)
	r.interval.GapMicros = max(r.interval.GapMicros, float64(gap.Microseconds()))
}

// endEarly moves the end of the schedule to now.
func (r *recorder) endEarly(now time.Duration) {
	r.end, r.seconds = now, max(1, int((now-r.warmup+time.Second-1)/time.Second))
}

func (r *recorder) failed(now time.Duration, t wire.Ticket, class string) {
	if t.Intended < r.warmup {
		r.warmErrors[class]++
		return
	}
	r.roll(now)
	r.counts.Failed++
	r.errors[class]++
	r.interval.fail(class)
	r.late(now, t)
}

func (r *recorder) late(now time.Duration, t wire.Ticket) {
	if t.Sent > r.end+grace || now > r.end+answerGrace {
		r.counts.Late++
	}
}

func (r *recorder) overflow(intended time.Duration) {
	if intended >= r.warmup {
		r.counts.Overflow++
	}
}

// roll closes the seconds that are over. What arrives after the end belongs to
// the last one.
func (r *recorder) roll(now time.Duration) {
	second := min(int((now-r.warmup)/time.Second), r.seconds-1)
	for r.second < second {
		r.waited(r.warmup + time.Duration(r.second+1)*time.Second)
		r.publish <- r.interval
		r.second++
		r.interval = newInterval(r.second)
	}
}

// finish closes the last second.
func (r *recorder) finish(now time.Duration) {
	r.roll(now)
	r.waited(min(now, r.end))
	r.publish <- r.interval
}
