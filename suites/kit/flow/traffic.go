// Package flow sends small traffic through the gateway for as long as something else
// happens to the mesh, and judges what it met.
package flow

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/openloop"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

const (
	// warmup is traffic that is not counted: a connection's first requests.
	warmup = time.Second
	// answerTimeout is how long a request may take once it is sent, and how long one that
	// is due waits for a connection. A user would have given up.
	answerTimeout = 10 * time.Second
	// settleTimeout bounds the time until every kind of traffic is measured.
	settleTimeout = 30 * time.Second
)

// Kind is one way to ask. Each notices other outages: a kept connection needs nobody but
// the pods it passes, a new one the node's rules, and one that goes on from sidecar to
// sidecar the configuration of three proxies.
type Kind struct {
	Name, Target string
	Rate         float64
	Connections  int
	// Fresh asks on a new connection each time.
	Fresh bool
}

// Kinds are all kinds together, at 80 requests a second; a pod of the route's sends the last
// kind on to the Service. A connection carries one request at a time: there are enough for
// answers of a quarter of a second.
func Kinds(service string) []Kind {
	return []Kind{
		{Name: "kept connections", Target: "/", Rate: 40, Connections: 12},
		{Name: "new connections", Target: "/", Rate: 20, Connections: 8, Fresh: true},
		{Name: "pod to pod", Target: "/?forward=http://" + service + "/", Rate: 20, Connections: 8},
	}
}

// Traffic is all kinds while they run.
type Traffic struct {
	kinds   []Kind
	end     chan struct{}
	once    sync.Once
	wait    sync.WaitGroup
	results []*openloop.Result
	errs    []error
}

// Start begins every kind, by the open-loop generator, and returns when each is measured.
// The traffic ends by itself after longest.
func Start(ctx context.Context, address, host string, longest time.Duration, all []Kind) (*Traffic, error) {
	t := &Traffic{kinds: all, end: make(chan struct{}), results: make([]*openloop.Result, len(all)), errs: make([]error, len(all))}
	ports := openloop.NewPorts()
	measured, broken := make(chan struct{}, len(all)), make(chan error, len(all))
	for i, k := range all {
		var first sync.Once
		config := openloop.Config{
			Path:        openloop.Path{Name: k.Name, URL: "http://" + address + k.Target, Host: host, Protocol: openloop.HTTP1},
			Connections: k.Connections, NewConnections: k.Fresh, Timeout: answerTimeout, Patience: answerTimeout,
			Limits: &openloop.Limits{LossOnly: true}, Relaxed: true, End: t.end, Ports: ports,
			Schedule: openloop.Schedule{Rate: k.Rate, Warmup: warmup, Duration: longest},
			Progress: func(*openloop.Interval) { first.Do(func() { measured <- struct{}{} }) },
		}
		t.wait.Go(func() {
			if t.results[i], t.errs[i] = openloop.Run(ctx, config); t.errs[i] != nil {
				broken <- t.errs[i]
			}
		})
	}
	settle, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	for range all {
		select {
		case <-measured:
		case err := <-broken:
			t.Stop()
			return nil, fmt.Errorf("start the traffic: %w", err)
		case <-settle.Done():
			t.Stop()
			return nil, fmt.Errorf("start the traffic: no whole second of it within %s", settleTimeout)
		}
	}
	return t, nil
}

// Stop ends all kinds and waits for what is in flight.
func (t *Traffic) Stop() {
	t.once.Do(func() { close(t.end) })
	t.wait.Wait()
}

// Err is why a kind ended by itself; after Stop.
func (t *Traffic) Err() error { return errors.Join(t.errs...) }

// Seen is what each kind met; after Stop, where Err is nil.
func (t *Traffic) Seen() []Seen {
	var all []Seen
	for i, k := range t.kinds {
		all = append(all, see(k, t.results[i]))
	}
	return all
}

// Address is where traffic enters: the first node's own address where this machine is on
// the nodes' network, else the port that is published on 127.0.0.1.
func Address(ctx context.Context, s *stack.Stack, host string) (string, error) {
	direct, err := s.NodeAddress(ctx, stack.HTTPNodePort)
	if err != nil {
		return "", err
	}
	if r := probe.HTTP(ctx, probe.Request{URL: "http://" + direct, Host: host, Timeout: kit.RequestTimeout}); r.Status == http.StatusOK {
		return direct, nil
	}
	return s.GatewayAddress(stack.HTTPNodePort, "")
}
