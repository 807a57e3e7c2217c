package openloop

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"istio-conformance/internal/traffic/openloop/codec"
	"istio-conformance/internal/traffic/openloop/poll"
)

const (
	// batch bounds what is sent, and what is read, before the other is looked at.
	batch = 64
	// expiry is how often time-outs are looked for, and so their precision.
	expiry = 50 * time.Millisecond
	// spin is how long before a request is due the waiting becomes busy, where
	// spinFrom CPUs are left for others; with fewer, spinning takes the time from
	// what is measured.
	spin     = 50 * time.Microsecond
	spinFrom = 4
	// timerCost is what it takes a virtual machine to set a timer, as measured:
	// to wait for less is not worth it.
	timerCost = 10 * time.Microsecond
)

// worker is one thread that owns some of the connections: it sends what is due
// and reads what arrives, and nothing is shared with other threads on the way.
type worker struct {
	plan   *plan
	index  int // among the plan's workers
	conns  []*conn
	poller *poll.Poller

	now      time.Duration // since the start, below 0 before
	expireAt time.Duration
	next     int64 // of the worker's own requests, the first that was not due yet
	count    int64 // of the worker's own requests
	pending  int64 // due, without an answer or a failure
	recorder *recorder
	// failures are the first requests that failed.
	failures []Failure
	busyWait time.Duration // before a request is due
	// late bounds how much earlier what is being read could have been read: the
	// thread was not running, or busy with something else.
	late     time.Duration
	looked   time.Duration // when what there was to read was looked for last
	lost     time.Duration // without a CPU, until then
	waited   *waited
	realtime bool // the thread's priority was granted
	stopped  atomic.Bool
	ended    time.Duration // when Config.End was seen; 0 when it was not

	mu     sync.Mutex
	dialed []dialed
}

// dialed is what came of making a connection.
type dialed struct {
	conn int
	link *link
	err  error
}

// clock reads the time since the start.
func (w *worker) clock() time.Duration { return time.Since(w.plan.start) }

func (w *worker) tick() { w.now = w.clock() }

// due returns when a connection's request number turn is to be sent.
func (w *worker) due(turn int64, conn int) time.Duration {
	own := turn*int64(len(w.conns)) + int64(conn)
	ofProcess := own*int64(w.plan.workers) + int64(w.index)
	return w.plan.config.Schedule.At(ofProcess*int64(w.plan.config.Stripe.Count) + int64(w.plan.config.Stripe.Index))
}

func (w *worker) session(c *conn) (codec.Session, error) {
	return w.plan.target.session(w.plan.config.Path.Protocol, w.plan.config.Streams, c)
}

func (w *worker) keepsOpen() bool { return !w.plan.config.NewConnections && !w.done() }

// run sends until every request has an answer or a failure.
func (w *worker) run(ctx context.Context) error {
	w.waited = noneWaited
	if !w.plan.config.Relaxed {
		// The thread is never unlocked, so that it ends here, with its priority.
		runtime.LockOSThread()
		w.realtime = !w.plan.config.NoRealtime && Realtime()
		w.waited = openWaited()
		defer w.waited.close()
	}
	defer context.AfterFunc(ctx, func() { w.stopped.Store(true) })()
	w.looked, w.lost = w.clock(), w.waited.read()
	for !w.done() && !w.stopped.Load() {
		w.tick()
		w.send()
		until := w.wakeAt()
		events, slept, err := w.poller.Wait(w.clock(), until)
		if err != nil {
			return err
		}
		w.tick()
		w.look(slept, until)
		for _, event := range events {
			w.take(event)
		}
		w.takeDialed()
		w.expire()
	}
	w.recorder.finish(w.now)
	return context.Cause(ctx)
}

// look notes how late the thread looks for what there is to read. What it found
// without sleeping arrived since it looked before; what woke it arrived at a time
// that is not known, but the thread ought to have run at the time given, and the
// kernel knows how long it had no CPU.
func (w *worker) look(slept bool, until time.Duration) {
	lost := w.waited.read()
	w.late = max(0, lost-w.lost)
	if slept {
		w.late = max(w.late, w.now-until)
	} else {
		w.late = max(w.late, w.now-w.looked)
	}
	w.looked, w.lost = w.now, lost
}

// done says that every request has an answer or a failure.
func (w *worker) done() bool { return w.next == w.count && w.pending == 0 }

// cut gives up what is still not sent when the schedule is over for long enough.
// What is in flight has its own time-out.
func (w *worker) cut() {
	if w.next < w.count || w.now < w.recorder.end+w.plan.config.Patience {
		return
	}
	for _, c := range w.conns {
		for c.backlog > 0 {
			w.pending--
			c.overflow()
		}
	}
}

// send sends what is due, at most a batch.
func (w *worker) send() {
	for range batch {
		if w.next == w.count {
			return
		}
		c := w.conns[w.next%int64(len(w.conns))]
		if w.due(w.next/int64(len(w.conns)), c.index) > w.now {
			return
		}
		w.next++
		w.pending++
		c.backlog++
		if c.backlog > w.plan.maxBacklog {
			w.pending--
			c.overflow()
		}
		c.pump()
	}
}

// wakeAt returns when there is something to do again, whatever arrives; a time
// that is over means not to wait. Nothing can be sent on a connection without
// room before something arrives, so those are passed over.
func (w *worker) wakeAt() time.Duration {
	conns := int64(len(w.conns))
	for next := w.next; next < min(w.count, w.next+conns); next++ {
		c := w.conns[next%conns]
		if !c.hasRoom() {
			continue
		}
		due := w.due(next/conns, c.index)
		if due-w.now < w.busyWait {
			return w.now
		}
		return min(w.expireAt, due)
	}
	return w.expireAt
}

func (w *worker) take(event poll.Event) {
	c := w.conns[event.ID]
	if event.Writable && c.state == open {
		c.flush()
	}
	if event.Readable && c.state == open {
		c.read()
	}
}

func (w *worker) expire() {
	if w.now < w.expireAt {
		return
	}
	w.expireAt = w.now + expiry
	w.endEarly()
	w.cut()
	for _, c := range w.conns {
		c.expire(w.plan.config.Timeout)
	}
	w.recorder.roll(w.now)
}

// endEarly stops what becomes due when Config.End is closed.
func (w *worker) endEarly() {
	select {
	case <-w.plan.config.End:
	default:
		return
	}
	if w.ended == 0 && w.next < w.count {
		w.count, w.ended = w.next, w.now
		w.recorder.endEarly(w.now)
	}
}

// answered counts a whole answer and returns its class, "" for a good one.
func (w *worker) answered(a *codec.Answer) (class string) {
	w.pending--
	return w.recorder.answered(w.now, a)
}

func (w *worker) failed(t codec.Ticket, class string) {
	w.pending--
	w.recorder.failed(w.now, t, class)
}
