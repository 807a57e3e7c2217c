// Package openloop sends requests at a rate that does not depend on how fast they
// are answered, and measures each from the time at which it should have been
// sent. So a system that stalls cannot hide it by slowing the generator down
// ("coordinated omission"), and a generator that is late itself is found out.
package openloop

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Config is one run.
type Config struct {
	Path     Path
	Schedule Schedule
	// Connections is how many connections the requests are spread over in turn.
	Connections int
	// NewConnections makes a connection for every request.
	NewConnections bool
	// Streams is how many requests of HTTP/2 may be in flight on a connection;
	// 0 means 100. HTTP/1.1 has one.
	Streams int
	// Timeout is how long an answer may take, from when its request was sent; 0 means 10 s.
	Timeout time.Duration
	// Patience is how long a due request waits for a connection: more of them than
	// become due in that time overflow, the oldest first; 0 means Timeout. A request that
	// waits keeps the time at which it was due, and its response time counts from there.
	Patience time.Duration
	// Workers is how many threads send; 0 means 1, which is the most precise
	// where there are few CPUs.
	Workers int
	// NoRealtime leaves the sending threads at ordinary priority, also where more
	// would be granted.
	NoRealtime bool
	// Relaxed spends less CPU and is less precise, by some hundred microseconds: for
	// traffic of which it matters whether it is answered, and not so much when. It
	// implies NoRealtime.
	Relaxed bool
	// Stripe is this generator's share of the schedule; the zero value is all of it.
	Stripe Stripe
	// Start is when the schedule begins, for several generators at once; the
	// zero value means as soon as the connections are open.
	Start time.Time
	// Ports are the local ports of the connections; nil leaves the choice to the kernel.
	Ports *Ports
	// AllowRemote permits a target that is neither loopback nor private.
	AllowRemote bool
	// Counters are read before and after; one that rose too much makes the run invalid.
	Counters []Counter
	// Watch are the containers whose use of CPU and memory is reported; that they
	// are throttled makes the run invalid.
	Watch []*Cgroup
	// Limits decide whether the run is valid; nil means DefaultLimits.
	Limits *Limits
	// End ends the run early when it is closed: nothing becomes due any more, what
	// is in flight is waited for, and the result is of the time until there. Nil
	// is never.
	End <-chan struct{}
	// Progress is called after each measured second.
	Progress func(*Interval)
}

// Defaults and bounds of a Config.
const (
	defaultTimeout = 10 * time.Second
	defaultStreams = 100
	maxConnections = 4096
	// lead is from the last connection to the start, for the workers to begin.
	lead = 20 * time.Millisecond
)

// ErrLate says that the generator was not ready at Config.Start; what it would
// have measured is missing from the whole.
var ErrLate = errors.New("the generator was not ready at the agreed start")

// plan is a Config that was checked, shared by its workers.
type plan struct {
	config     Config
	target     *target
	workers    int
	maxBacklog int64 // a connection's
	start      time.Time
	dialing    context.Context
	dials      sync.WaitGroup
	stop       context.CancelCauseFunc
}

func (c *Config) defaults() {
	if c.Stripe.Count == 0 {
		c.Stripe.Count = 1
	}
	if c.Streams == 0 {
		c.Streams = defaultStreams
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Patience == 0 {
		c.Patience = c.Timeout
	}
	if c.Workers == 0 {
		c.Workers = 1
	}
	if c.Limits == nil {
		limits := DefaultLimits()
		c.Limits = &limits
	}
}

// Check says what in the configuration cannot be run. It sends nothing.
func (c *Config) Check() error {
	checked := *c
	checked.defaults()
	if _, err := checked.Path.resolve(checked.NewConnections); err != nil {
		return err
	}
	if checked.Connections < 1 || checked.Connections > maxConnections {
		return fmt.Errorf("connections must be 1 to %d, not %d", maxConnections, checked.Connections)
	}
	if checked.Workers < 1 || checked.Workers > checked.Connections {
		return fmt.Errorf("workers must be 1 to the number of connections, %d, not %d", checked.Connections, checked.Workers)
	}
	if checked.Streams < 1 || checked.Timeout <= 0 || checked.Patience <= 0 {
		return fmt.Errorf("streams, the time-out and the patience must be above 0, not %d, %s and %s", checked.Streams, checked.Timeout, checked.Patience)
	}
	if checked.NewConnections && checked.Path.Protocol != HTTP1 {
		return fmt.Errorf("new connections for every request are supported for %s only, not for %s", HTTP1, checked.Path.Protocol)
	}
	return errors.Join(checked.Schedule.check(), checked.Stripe.check())
}

// newPlan checks the configuration and looks its target up.
func newPlan(ctx context.Context, config Config) (*plan, error) {
	if err := config.Check(); err != nil {
		return nil, err
	}
	config.defaults()
	t, err := config.Path.resolve(config.NewConnections)
	if err != nil {
		return nil, err
	}
	if err := t.nearby(ctx, config.AllowRemote); err != nil {
		return nil, fmt.Errorf("path %s: %w", config.Path.label(), err)
	}
	rate := max(config.Schedule.Rate, config.Schedule.end()) / float64(config.Stripe.Count)
	backlog := int64(rate*config.Patience.Seconds())/int64(config.Connections) + 1
	return &plan{config: config, target: t, workers: config.Workers, maxBacklog: backlog}, nil
}
