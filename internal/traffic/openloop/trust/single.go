package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"istio-conformance/internal/traffic/openloop"
	"istio-conformance/internal/traffic/stats"
)

// measure runs one load and prints it.
func measure(ctx context.Context, name, url string, s openloop.Schedule, connections int) (*openloop.Result, error) {
	r, err := openloop.Run(ctx, openloop.Config{
		Path: openloop.Path{Name: name, URL: url, Protocol: openloop.HTTP1}, Connections: connections, Schedule: s,
	})
	if err != nil {
		return nil, err
	}
	fmt.Printf("%s: %v\n  machine: busy %.0f %%, waiting for CPU %.0f %% of the time, real-time priority %t\n", name, r, 100*r.Machine.Busy, 100*r.Machine.Pressure, r.Realtime)
	return r, nil
}

// stall is wrk2's example: one second of thirty without answers. Only one request
// per connection is in flight meanwhile, so that measuring from when requests were
// sent sees almost nothing of it.
func stall(ctx context.Context, _ *options) (shown bool, err error) {
	s, err := startStub(ctx, "-stall-at", "3000")
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	r, err := measure(ctx, "stall", s.with(time.Millisecond), openloop.Schedule{Rate: 400, Warmup: time.Second, Duration: 15 * time.Second}, 4)
	if err != nil {
		return false, err
	}
	response, service := r.Response.Quantile(0.99), r.Service.Quantile(0.99)
	fmt.Printf("p99: response time %s, service time %s; 1 s of 15 is 6.7 %% of the requests, whose slowest 1 %% waited for 0.85 to 1 s\n", response, service)
	return response > 700*time.Millisecond && service < response/5, nil
}

// constantRounds is how often each delay is measured in both ways, in turn.
const constantRounds = 3

// constant measures stubs of known delay with the generator and with the plainest
// client in turn. Both see the same way there and back, and the same stub, so
// what they differ by is the generator's own.
func constant(ctx context.Context, _ *options) (shown bool, err error) {
	s, err := startStub(ctx)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	schedule := openloop.Schedule{Rate: 300, Warmup: 300 * time.Millisecond, Duration: 2 * time.Second}
	shown = true
	for _, delay := range []time.Duration{0, 200 * time.Microsecond, time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond} {
		var generator, plain []float64
		busy := 0.0
		for range constantRounds {
			r, err := openloop.Run(ctx, openloop.Config{Path: openloop.Path{URL: s.with(delay), Protocol: openloop.HTTP1}, Connections: 8, Schedule: schedule})
			if err != nil {
				return false, err
			}
			h, err := reference(ctx, s.with(delay), schedule, 8)
			if err != nil {
				return false, err
			}
			generator, plain = append(generator, float64(r.Service.Quantile(0.5))), append(plain, float64(h.Quantile(0.5)))
			busy = max(busy, r.Machine.Busy)
		}
		held, err := s.held()
		if err != nil {
			return false, err
		}
		measured, truth := time.Duration(stats.Median(generator)), time.Duration(stats.Median(plain))
		off := measured - truth
		within := off.Abs() <= max(50*time.Microsecond, truth/50)
		fmt.Printf("delay %-6s held %-10s plain client %-10s generator %-10s (service p50) off by %-9s within 50us or 2%%: %-5t machine at most %.0f%% busy\n",
			delay, held.Quantile(0.5), truth, measured, off, within, 100*busy)
		shown = shown && within
	}
	return shown, nil
}
