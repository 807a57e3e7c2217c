package outage

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
	// longest bounds the traffic, should nothing end it.
	longest = 20 * time.Minute
	// answerTimeout is how long a request may take once it is sent, and how long one that
	// is due waits for a connection. A user would have given up.
	answerTimeout = 10 * time.Second
	// settleTimeout bounds the time until every kind of traffic is measured.
	settleTimeout = 30 * time.Second
)

// kind is one way to ask. Each notices other outages: a kept connection needs nobody but
// the pods it passes, a new one the node's rules, and one that goes on from sidecar to
// sidecar the configuration of three proxies.
type kind struct {
	name, target string
	rate         float64
	connections  int
	fresh        bool
}

// kinds are all that runs during an outage, at 80 requests a second. A connection carries one
// request at a time: there are enough for answers of a quarter of a second.
func kinds(service string) []kind {
	return []kind{
		{name: "kept connections", target: "/", rate: 40, connections: 12},
		{name: "new connections", target: "/", rate: 20, connections: 8, fresh: true},
		{name: "pod to pod", target: "/?forward=http://" + service + "/", rate: 20, connections: 8},
	}
}

// traffic is all kinds while they run.
type traffic struct {
	kinds   []kind
	end     chan struct{}
	once    sync.Once
	wait    sync.WaitGroup
	results []*openloop.Result
	errs    []error
}

// startTraffic begins every kind, by the open-loop generator, and returns when each is measured.
func startTraffic(ctx context.Context, address, host string, all []kind) (*traffic, error) {
	t := &traffic{kinds: all, end: make(chan struct{}), results: make([]*openloop.Result, len(all)), errs: make([]error, len(all))}
	ports := openloop.NewPorts()
	measured, broken := make(chan struct{}, len(all)), make(chan error, len(all))
	for i, k := range all {
		var first sync.Once
		config := openloop.Config{
			Path:        openloop.Path{Name: k.name, URL: "http://" + address + k.target, Host: host, Protocol: openloop.HTTP1},
			Connections: k.connections, NewConnections: k.fresh, Timeout: answerTimeout, Patience: answerTimeout,
			Limits: &openloop.Limits{LossOnly: true}, Relaxed: true, End: t.end, Ports: ports,
			Schedule: openloop.Schedule{Rate: k.rate, Warmup: warmup, Duration: longest},
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
			t.stop()
			return nil, fmt.Errorf("start the traffic: %w", err)
		case <-settle.Done():
			t.stop()
			return nil, fmt.Errorf("start the traffic: no whole second of it within %s", settleTimeout)
		}
	}
	return t, nil
}

// stop ends all kinds and waits for what is in flight.
func (t *traffic) stop() {
	t.once.Do(func() { close(t.end) })
	t.wait.Wait()
}

// err is why a kind ended by itself.
func (t *traffic) err() error { return errors.Join(t.errs...) }

// address is where traffic enters: the first node's own address where this machine is on
// the nodes' network, else the port that is published on 127.0.0.1.
func address(ctx context.Context, s *stack.Stack, host string) (string, error) {
	direct, err := s.NodeAddress(ctx, stack.HTTPNodePort)
	if err != nil {
		return "", err
	}
	if r := probe.HTTP(ctx, probe.Request{URL: "http://" + direct, Host: host, Timeout: kit.RequestTimeout}); r.Status == http.StatusOK {
		return direct, nil
	}
	return s.GatewayAddress(stack.HTTPNodePort, "")
}
