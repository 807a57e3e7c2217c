package traffic

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"istio-conformance/internal/report"
)

// stream is one long connection on which messages go and come back.
type stream interface {
	// Echo sends a message and waits for it to come back.
	Echo(ctx context.Context, message string) error
	// Ended is closed when the other side has ended the stream.
	Ended() <-chan struct{}
	Close() error
}

// streamKind is traffic on streams that are held as long as they live. A stream
// cannot outlive the pods that it passes, and what is on its way when it ends has to
// be sent again by whoever uses streams: that is no failure when the next stream can
// be opened at once and the message comes back on it, and is counted by itself. A
// message that does not come back is a failure, and so is a stream that cannot be
// opened.
type streamKind struct {
	name, description string
	streams           int
	// interval is between two messages on a stream.
	interval time.Duration
	open     func(ctx context.Context) (stream, error)
}

// The classes of what fails on streams.
const (
	classLost    = "message lost"
	classNotOpen = "stream not opened"
)

// streamRun is a kind while it runs.
type streamRun struct {
	kind    streamKind
	started time.Time
	// lost counts what fails of all kinds together.
	lost *atomic.Int64

	mu       sync.Mutex
	seconds  map[int]*report.UpgradeSecond
	opened   int
	errors   map[string]int
	ok       int
	resent   int
	gap      time.Duration
	lastGood time.Time
	sendGap  time.Duration
	// waiting are the messages that are on their way; idle is since when there is none.
	waiting int
	idle    time.Time
	took    map[int][]time.Duration // of the answers, from when they were due, by second
}

func newStreamRun(k streamKind, started time.Time, lost *atomic.Int64) *streamRun {
	return &streamRun{
		kind: k, started: started, lost: lost, lastGood: started, idle: started, seconds: map[int]*report.UpgradeSecond{}, errors: map[string]int{}, took: map[int][]time.Duration{},
	}
}

// run holds the streams until end is closed.
func (r *streamRun) run(ctx context.Context, end <-chan struct{}) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-end:
			r.busy(0)
			cancel()
		case <-ctx.Done():
		}
	}()
	var wait sync.WaitGroup
	for i := range r.kind.streams {
		wait.Go(func() { r.hold(ctx, i) })
	}
	wait.Wait()
}

// hold keeps one stream open and sends on it. The message that is on its way when
// the traffic ends is waited for.
func (r *streamRun) hold(ctx context.Context, index int) {
	var s stream
	defer func() {
		if s != nil {
			_ = s.Close() // Harmless: nothing is on its way.
		}
	}()
	first := r.started.Add(r.kind.interval * time.Duration(index) / time.Duration(r.kind.streams))
	for n := 0; ; n++ {
		due := first.Add(time.Duration(n) * r.kind.interval)
		if !sleepUntil(ctx, due) {
			return
		}
		if s != nil && ended(s) {
			_ = s.Close() // Harmless: the other side has ended it.
			s = nil
		}
		s = r.deliver(ctx, s, due, fmt.Sprintf("%d-%d", index, n))
	}
}

// deliver sends a message on the stream, or on a new one where there is none, and
// once more when the stream ended under it. It returns the stream for the next one,
// or nil. How long it took counts from when it was due: the one before it on the stream
// may have kept it back.
func (r *streamRun) deliver(ctx context.Context, s stream, due time.Time, message string) stream {
	r.busy(1)
	defer r.done()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTimeout)
	defer cancel()
	again := false
	for {
		if s == nil {
			var err error
			if s, err = r.kind.open(ctx); err != nil {
				r.failed(classNotOpen)
				return nil
			}
			r.mu.Lock()
			r.opened++
			r.mu.Unlock()
		}
		err := s.Echo(ctx, message)
		if err == nil {
			r.good(time.Since(due), again)
			return s
		}
		cut := ctx.Err() == nil // no time ran out: the stream itself ended
		_ = s.Close()           // Harmless: it is broken.
		s = nil
		if again || !cut {
			r.failed(classLost)
			return nil
		}
		again = true
	}
}

// sleepUntil waits for a time; false means that the traffic has ended.
func sleepUntil(ctx context.Context, at time.Time) bool {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func ended(s stream) bool {
	select {
	case <-s.Ended():
		return true
	default:
		return false
	}
}

// second returns the entry of now; the caller holds the lock.
func (r *streamRun) second() *report.UpgradeSecond {
	at := max(0, int(time.Since(r.started).Seconds()))
	if r.seconds[at] == nil {
		r.seconds[at] = &report.UpgradeSecond{At: at}
	}
	return r.seconds[at]
}

// busy notes that so many more messages are on their way, and how long none was: in
// that time nobody would have noticed an outage. A message that waits for its answer,
// or for a stream, does notice one.
func (r *streamRun) busy(more int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting == 0 {
		gap := time.Since(r.idle)
		r.sendGap = max(r.sendGap, gap)
		s := r.second()
		s.SendGapMillis = max(s.SendGapMillis, gap.Seconds()*1e3)
	}
	r.waiting += more
}

// done notes that a message has come back, or failed.
func (r *streamRun) done() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting--; r.waiting == 0 {
		r.idle = time.Now()
	}
}

func (r *streamRun) good(took time.Duration, again bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if again {
		r.resent++
	}
	s := r.second()
	s.OK++
	r.ok++
	gap := time.Since(r.lastGood)
	r.lastGood = time.Now()
	r.gap = max(r.gap, gap)
	s.GapMillis = max(s.GapMillis, gap.Seconds()*1e3)
	r.took[s.At] = append(r.took[s.At], took)
}

func (r *streamRun) failed(class string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.second()
	if s.Errors == nil {
		s.Errors = map[string]int{}
	}
	s.Errors[class]++
	r.errors[class]++
	r.lost.Add(1)
}

// report is what came of it, after run has ended.
func (r *streamRun) report() report.UpgradeTraffic {
	r.mu.Lock()
	defer r.mu.Unlock()
	failed := 0
	for _, n := range r.errors {
		failed += n
	}
	u := report.UpgradeTraffic{
		Name: r.kind.name, Description: r.kind.description, Rate: float64(r.kind.streams) / r.kind.interval.Seconds(),
		Requests: r.ok + failed, Failed: failed, Errors: r.errors, Opened: r.opened, Resent: r.resent,
		LongestGapMillis: r.gap.Seconds() * 1e3, LongestSendGapMillis: r.sendGap.Seconds() * 1e3,
		Timeline: []report.UpgradeSecond{},
	}
	for _, at := range slices.Sorted(maps.Keys(r.seconds)) {
		s := r.seconds[at]
		if took := r.took[at]; len(took) > 0 {
			slices.Sort(took)
			s.P50Micros = float64(took[len(took)/2].Microseconds())
			s.P99Micros = float64(took[len(took)*99/100].Microseconds())
		}
		u.Timeline = append(u.Timeline, *s)
	}
	return u
}
