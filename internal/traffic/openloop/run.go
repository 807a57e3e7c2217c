package openloop

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"istio-conformance/internal/traffic/openloop/poll"
)

// Run sends the schedule's requests and returns what came of them. It fails when
// it cannot begin, with *RemoteTargetError for a target that is not local, and
// when ctx ends; then the result holds what was measured until there. Whether
// the result is a measurement is said by its Invalid.
func Run(ctx context.Context, config Config) (*Result, error) {
	p, err := newPlan(ctx, config)
	if err != nil {
		return nil, err
	}
	ctx, p.stop = context.WithCancelCause(ctx)
	defer p.stop(nil)
	dialing, stopDialing := context.WithCancel(ctx)
	defer stopDialing()
	p.dialing = dialing

	seconds := newSeconds(p.workers, p.config.Progress)
	workers, err := p.newWorkers(seconds.in)
	if err == nil {
		err = p.connect(workers)
	}
	if err != nil {
		return nil, errors.Join(err, closeAll(workers))
	}
	counters := p.config.Counters
	for _, g := range p.config.Watch {
		counters = append(counters[:len(counters):len(counters)], g.Throttled())
	}
	before, used := readAll(ctx, counters), usage(p.config.Watch)
	machine := readMachine()
	if err := p.begin(); err != nil {
		return nil, errors.Join(err, closeAll(workers))
	}
	err = p.work(ctx, workers)
	result := p.result(workers)
	result.Intervals = seconds.finish()
	stopDialing()
	p.dials.Wait()
	result.Machine = machine.until(readMachine())
	result.Counters = judgeCounters(counters, before, readAll(context.WithoutCancel(ctx), counters), result.Machine.Seconds)
	result.Usage = used(result.Machine.Seconds)
	result.Invalid, result.Unheld = p.config.Limits.judge(result), p.config.Limits.unheld(result)
	return result, errors.Join(err, closeAll(workers))
}

// newWorkers shares the connections out.
func (p *plan) newWorkers(publish chan<- *Interval) ([]*worker, error) {
	own := p.config.Stripe.of(p.config.Schedule.Count())
	busyWait := timerCost
	if cpus() >= spinFrom {
		busyWait = spin
	}
	newPoller := poll.New
	if p.config.Relaxed {
		newPoller = poll.NewRelaxed
	}
	var workers []*worker
	for i := range p.workers {
		poller, err := newPoller(batch)
		if err != nil {
			return workers, err
		}
		w := &worker{
			plan: p, index: i, poller: poller, busyWait: busyWait,
			count: Stripe{i, p.workers}.of(own), recorder: newRecorder(p.config.Schedule, publish),
		}
		for c := i; c < p.config.Connections; c += p.workers {
			w.conns = append(w.conns, &conn{worker: w, index: len(w.conns)})
		}
		workers = append(workers, w)
	}
	return workers, nil
}

// connect opens every connection before the start, so that the measurement does
// not begin with handshakes. With a connection for every request it makes one,
// to find out whether anything listens.
func (p *plan) connect(workers []*worker) error {
	p.start = time.Now()
	if p.config.NewConnections {
		l, err := dial(p.dialing, p.target, p.config.Ports, p.config.Timeout)
		if err != nil {
			return p.unreachable(err)
		}
		_ = l.stream.Close() // Harmless: nothing was sent.
		return nil
	}
	for _, w := range workers {
		for _, c := range w.conns {
			c.open()
		}
	}
	p.dials.Wait()
	for _, w := range workers {
		for _, d := range w.dialed {
			if d.err != nil {
				return p.unreachable(d.err)
			}
		}
	}
	return nil
}

func (p *plan) unreachable(err error) error {
	var network *net.OpError
	if errors.As(err, &network) && classify(err) == ClassRefused {
		return fmt.Errorf("path %s: nothing listens at %s", p.config.Path.label(), p.target.address)
	}
	return fmt.Errorf("path %s: connect to %s: %w", p.config.Path.label(), p.target.address, err)
}

// begin sets the start.
func (p *plan) begin() error {
	p.start = time.Now().Add(lead)
	if p.config.Start.IsZero() {
		return nil
	}
	until := time.Until(p.config.Start)
	if until < 0 {
		return fmt.Errorf("%w: it was %s late", ErrLate, -until)
	}
	p.start = time.Now().Add(until)
	return nil
}

// work runs every worker to its end.
func (p *plan) work(ctx context.Context, workers []*worker) error {
	errs := make([]error, len(workers))
	var wg sync.WaitGroup
	for i, w := range workers {
		wg.Go(func() {
			if errs[i] = w.run(ctx); errs[i] != nil {
				p.stop(errs[i])
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// result puts together what the workers counted.
func (p *plan) result(workers []*worker) *Result {
	c := p.config
	r := &Result{
		Schema: Schema, Name: c.Path.Name, URL: c.Path.URL, Host: p.target.request.Authority, Protocol: c.Path.Protocol,
		Rate: c.Schedule.Rate, RateTo: c.Schedule.To, WarmupSeconds: c.Schedule.Warmup.Seconds(), Seconds: c.Schedule.Duration.Seconds(),
		Connections: c.Connections, NewConnections: c.NewConnections, Stripes: []Stripe{c.Stripe}, Started: p.start,
		Errors: map[string]int64{}, Latencies: NewLatencies(), Invalid: []string{}, Realtime: true,
	}
	if !c.Start.IsZero() {
		r.Started = c.Start // the same for every stripe, to the nanosecond
	}
	for i, w := range workers {
		unanswered, unsent := micros(w.recorder.unanswered.longest), micros(w.recorder.unsent.longest)
		if i == 0 {
			r.LongestGapMicros, r.LongestSendGapMicros = unanswered, unsent
		}
		r.LongestGapMicros, r.LongestSendGapMicros = min(r.LongestGapMicros, unanswered), min(r.LongestSendGapMicros, unsent)
		r.Counts.add(w.recorder.counts)
		r.Opened += w.recorder.opened
		r.Failures = append(r.Failures, w.failures...)
		r.Realtime = r.Realtime && w.realtime
		for class, n := range w.recorder.errors {
			r.Errors[class] += n
		}
		for class, n := range w.recorder.warmErrors {
			r.WarmupErrors = addTo(r.WarmupErrors, class, n)
		}
		if err := r.Latencies.Merge(w.recorder.latencies); err != nil {
			r.Invalid = append(r.Invalid, err.Error())
		}
	}
	r.Counts.Warmup = c.Stripe.of(c.Schedule.warmCount())
	r.Counts.Planned = p.planned(workers)
	for _, w := range workers {
		if w.ended > 0 {
			r.Seconds = max(0, w.ended-c.Schedule.Warmup).Seconds()
		}
	}
	return r
}

// planned is how many of the workers' requests were due after the warm-up.
func (p *plan) planned(workers []*worker) int64 {
	warm := p.config.Stripe.of(p.config.Schedule.warmCount())
	var n int64
	for _, w := range workers {
		n += max(0, w.count-Stripe{w.index, p.workers}.of(warm))
	}
	return n
}

func closeAll(workers []*worker) error {
	var errs []error
	for _, w := range workers {
		errs = append(errs, w.close())
	}
	return errors.Join(errs...)
}
