package openloop

import (
	"time"

	"istio-conformance/internal/traffic/openloop/codec"
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

	// unanswered is the time without a good answer, unsent the time without a request.
	unanswered, unsent gap
	second             int
	interval           *Interval
	publish            chan<- *Interval
}

// gap is the longest time without something, in all and within the second that is open.
type gap struct{ last, longest, inSecond time.Duration }

// until notes a time up to which there has been nothing.
func (g *gap) until(now time.Duration) {
	g.longest = max(g.longest, now-g.last)
	g.inSecond = max(g.inSecond, now-g.last)
}

// ended notes the time of what there was.
func (g *gap) ended(now time.Duration) {
	g.until(now)
	g.last = now
}

func newRecorder(s Schedule, publish chan<- *Interval) *recorder {
	return &recorder{
		warmup: s.Warmup, end: s.Total(), seconds: s.seconds(), interval: newInterval(0), publish: publish,
		unanswered: gap{last: s.Warmup}, unsent: gap{last: s.Warmup}, errors: map[string]int64{}, warmErrors: map[string]int64{}, latencies: NewLatencies(),
	}
}

// answered counts a whole answer and returns its class, "" for a good one; it does
// not allocate when the answer is good.
func (r *recorder) answered(now time.Duration, a *codec.Answer) (class string) {
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
	r.unanswered.ended(now)
	r.late(now, a.Ticket)
	return ""
}

// sent notes when a request was sent, whenever it was due; or, where that took a new
// connection, when that began to be made.
func (r *recorder) sent(now time.Duration) {
	if now >= r.warmup && now <= r.end {
		r.roll(now)
		r.unsent.ended(now)
	}
}

// endEarly moves the end of the schedule to now.
func (r *recorder) endEarly(now time.Duration) {
	r.end, r.seconds = now, max(1, int((now-r.warmup+time.Second-1)/time.Second))
}

func (r *recorder) failed(now time.Duration, t codec.Ticket, class string) {
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

func (r *recorder) late(now time.Duration, t codec.Ticket) {
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
		r.close(r.warmup + time.Duration(r.second+1)*time.Second)
		r.second++
		r.interval = newInterval(r.second)
	}
}

// close publishes the second that ends now.
func (r *recorder) close(now time.Duration) {
	r.unanswered.until(now)
	r.unsent.until(now)
	r.interval.GapMicros, r.interval.SendGapMicros = micros(r.unanswered.inSecond), micros(r.unsent.inSecond)
	r.unanswered.inSecond, r.unsent.inSecond = 0, 0
	r.publish <- r.interval
}

// finish closes the last second.
func (r *recorder) finish(now time.Duration) {
	r.roll(now)
	r.close(min(now, r.end))
}
