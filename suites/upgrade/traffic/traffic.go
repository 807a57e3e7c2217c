// Package traffic is the open-loop traffic that runs through the gateway while the mesh
// is changed under it: kinds of requests and streams, each with its own way to notice
// that something ends.
package traffic

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"istio-conformance/internal/report"
	"istio-conformance/internal/traffic/openloop"
)

const (
	// warmup is traffic that is not counted: a connection's first requests.
	warmup = 2 * time.Second
	// lead is what the generators have to open their connections.
	lead = 3 * time.Second
	// longest bounds a journey's traffic, should nothing end it.
	longest = time.Hour
	// settleTimeout bounds the time until a stream works for the first time.
	settleTimeout = 3 * time.Minute
	// Clock is a time of the day as what is said of a request has it.
	Clock = "15:04:05.000"
	// patience is how long a request that is due waits for a connection, and mayNotBeSent
	// the share of the requests that may be given up because they waited for longer.
	patience     = 2 * time.Minute
	mayNotBeSent = 0.01
	// answerTimeout is how long a request may take once it is sent. A user would have
	// given up.
	answerTimeout = 10 * time.Second
)

// kind is one kind of traffic. Each has its own way of noticing a gateway pod's
// end, and so of losing requests by it.
type kind struct {
	name, description string
	// share of the whole rate.
	share       float64
	connections int
	fresh       bool
	protocol    openloop.Protocol
	secure      bool
	host        string
	target      string
	// url is where the whole request goes instead, without TLS.
	url string
}

// Request is one of a mesh that is not the harness's own, sent again and again.
type Request struct{ Name, Description, URL, Host string }

// Send begins requests at equal shares of a rate, in requests per second, each on kept
// connections of its own.
func Send(ctx context.Context, rate float64, requests []Request) (*Traffic, error) {
	var all []kind
	for _, r := range requests {
		all = append(all, kind{
			name: r.Name, description: r.Description, share: 1 / float64(len(requests)), connections: 4, protocol: openloop.HTTP1, host: r.Host, url: r.URL,
		})
	}
	return begin(ctx, all, nil, rate, Addresses{})
}

// The hosts of fixtures/apps/upgrade.yaml.
const (
	AppHost  = "app.upgrade.test"
	MeshHost = "mesh.upgrade.test"
)

// CalleeHost is what the caller calls.
func CalleeHost(namespace string) string { return "callee." + namespace }

// kinds are all that runs during a journey. A connection of HTTP/1.1 carries one
// request at a time: there are enough of them that answers of a quarter of a second,
// as a busy machine gives while pods start, keep no request back at 300 a second.
func kinds(namespace string) []kind {
	return []kind{
		{name: "http1-keep-alive", description: "HTTP/1.1 on kept connections", share: 0.3, connections: 24, protocol: openloop.HTTP1, host: AppHost, target: "/"},
		{name: "http1-new-connections", description: "HTTP/1.1, a connection for every request", share: 0.15, connections: 16, fresh: true, protocol: openloop.HTTP1, host: AppHost, target: "/"},
		{name: "h2", description: "HTTP/2 without TLS, streams on few connections", share: 0.2, connections: 2, protocol: openloop.HTTP2, host: AppHost, target: "/"},
		{name: "tls", description: "HTTP/1.1 on kept TLS connections", share: 0.15, connections: 12, protocol: openloop.HTTP1, secure: true, host: AppHost, target: "/"},
		{name: "mesh", description: "HTTP/1.1 to a pod that calls another one, from sidecar to sidecar", share: 0.2, connections: 16, protocol: openloop.HTTP1, host: MeshHost,
			target: "/?forward=http://" + CalleeHost(namespace) + "/"},
	}
}

// rate is the kind's part of the whole rate. New connections have a bound: a port that
// comes back too soon may lead to a pod that is gone, which is not the mesh's doing.
func (k kind) rate(whole float64) float64 {
	if k.fresh {
		return min(whole*k.share, openloop.PortsRate)
	}
	return whole * k.share
}

// Traffic is all kinds while they run.
type Traffic struct {
	// started is when the warm-up was over: second 0.
	Started time.Time
	// End is closed by Stop.
	End     chan struct{}
	once    sync.Once
	wait    sync.WaitGroup
	kinds   []kind
	results []*openloop.Result
	errs    []error
	broken  chan error // of a generator that ended by itself
	streams []*streamRun
	ports   *openloop.Ports
	// Failed counts while it runs.
	Failed atomic.Int64
}

// Addresses are where the traffic goes.
type Addresses struct {
	HTTP, HTTPS string
	Roots       *x509.CertPool
}

// Start begins every kind, to the services of a namespace, at the same instant. Rate is
// that of all together, in requests per second. The generators open their
// connections first; a machine that is too slow for that gets more time.
func Start(ctx context.Context, namespace string, rate float64, to Addresses) (*Traffic, error) {
	streams := streamKinds(to)
	if err := tryStreams(ctx, streams); err != nil {
		return nil, err
	}
	return begin(ctx, kinds(namespace), streams, rate, to)
}

func begin(ctx context.Context, all []kind, streams []streamKind, rate float64, to Addresses) (_ *Traffic, err error) {
	for wait := lead; wait <= 4*lead; wait *= 2 {
		t := &Traffic{kinds: all, End: make(chan struct{}), results: make([]*openloop.Result, len(all)), errs: make([]error, len(all)), broken: make(chan error, len(all)), ports: openloop.NewPorts()}
		start := time.Now().Add(wait)
		t.Started = start.Add(warmup)
		for i, k := range all {
			t.wait.Go(func() {
				if t.results[i], t.errs[i] = openloop.Run(ctx, t.config(k, rate, to, start)); t.errs[i] != nil {
					t.broken <- t.errs[i]
				}
			})
		}
		if err = t.settle(ctx, wait); err == nil {
			t.startStreams(ctx, streams)
			return t, nil
		}
		t.Stop()
		if !errors.Is(err, openloop.ErrLate) {
			return nil, err
		}
	}
	return nil, err
}

// startStreams begins the kinds on streams.
func (t *Traffic) startStreams(ctx context.Context, all []streamKind) {
	for _, k := range all {
		r := newStreamRun(k, t.Started, &t.Failed)
		t.streams = append(t.streams, r)
		t.wait.Go(func() { r.run(ctx, t.End) })
	}
}

func (t *Traffic) config(k kind, rate float64, to Addresses, start time.Time) openloop.Config {
	path := openloop.Path{Name: k.name, URL: cmp.Or(k.url, "http://"+to.HTTP+k.target), Host: k.host, Protocol: k.protocol}
	if k.secure {
		path.URL = "https://" + to.HTTPS + k.target
		path.TLS = &tls.Config{RootCAs: to.Roots, ServerName: k.host, MinVersion: tls.VersionTLS12}
	}
	return openloop.Config{
		Path: path, Connections: k.connections, NewConnections: k.fresh, Timeout: answerTimeout, Patience: patience,
		Limits: &openloop.Limits{LossOnly: true}, Relaxed: true,
		Schedule: openloop.Schedule{Rate: k.rate(rate), Warmup: warmup, Duration: longest},
		Start:    start, End: t.End, Ports: t.ports,
		Progress: func(i *openloop.Interval) { t.Failed.Add(i.Failed()) },
	}
}

// settle waits until the warm-up is over; a generator that could not begin has
// ended by then.
func (t *Traffic) settle(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait + warmup)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case err := <-t.broken:
		return fmt.Errorf("start the traffic: %w", err)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Stop ends all kinds and waits for what is in flight.
func (t *Traffic) Stop() {
	t.once.Do(func() { close(t.End) })
	t.wait.Wait()
}

// Second is the time since the traffic was started, in seconds.
func (t *Traffic) Second() float64 { return max(0, time.Since(t.Started).Seconds()) }

// Report returns what came of each kind, after stop.
func (t *Traffic) Report() []report.UpgradeTraffic {
	all := make([]report.UpgradeTraffic, 0, len(t.kinds))
	for i, k := range t.kinds {
		all = append(all, describeKind(k, t.results[i], t.errs[i]))
	}
	for _, s := range t.streams {
		all = append(all, s.report())
	}
	return all
}

// Failures says of the first requests that failed what the client saw.
func (t *Traffic) Failures() []string {
	var all []string
	for i, r := range t.results {
		if r == nil {
			continue
		}
		for j := range r.Failures {
			all = append(all, describeFailure(t.kinds[i].name, &r.Failures[j]))
		}
	}
	return all
}

func describeFailure(kind string, f *openloop.Failure) string {
	text := fmt.Sprintf("a client saw: %s %s: %s after %d ms", f.Sent.UTC().Format(Clock), kind, f.Class, f.Failed.Sub(f.Sent).Milliseconds())
	if late := f.Sent.Sub(f.Due); late >= time.Millisecond {
		text += fmt.Sprintf(" (sent %d ms late)", late.Milliseconds())
	}
	if f.From.IsValid() {
		text += ", on the connection from " + f.From.String()
	}
	if f.Received != "" {
		text += fmt.Sprintf(", which answered %q", f.Received)
	}
	return text
}

func describeKind(k kind, r *openloop.Result, err error) report.UpgradeTraffic {
	u := report.UpgradeTraffic{Name: k.name, Description: k.description, Rate: 1, Timeline: []report.UpgradeSecond{}}
	if err != nil {
		u.Invalid = append(u.Invalid, err.Error())
	}
	if r == nil {
		return u
	}
	u.Rate = r.Rate
	// What was due and never sent is no lost request; too much of it, and the traffic
	// was not what it should have been.
	u.Requests, u.Failed, u.NeverSent = int(r.Counts.Planned-r.Counts.Overflow), int(r.Counts.Failed), int(r.Counts.Overflow)
	u.Errors = counts(r.Errors)
	u.LongestGapMillis, u.LongestSendGapMillis = r.LongestGapMicros/1e3, r.LongestSendGapMicros/1e3
	u.Opened = int(r.Opened)
	u.SendLagP99Micros = micros(r.OwnLag, 0.99)
	u.Invalid = append(u.Invalid, r.Invalid...)
	if float64(u.NeverSent) > mayNotBeSent*float64(r.Counts.Planned) {
		u.Invalid = append(u.Invalid, r.Unheld)
	}
	if len(r.WarmupErrors) > 0 {
		u.Invalid = append(u.Invalid, "requests failed before anything was counted: "+openloop.DescribeErrors(r.WarmupErrors))
	}
	for _, i := range r.Intervals {
		u.Timeline = append(u.Timeline, report.UpgradeSecond{
			At: i.Second, OK: int(i.OK), Errors: counts(i.Errors), P50Micros: micros(i.Response, 0.5), P99Micros: micros(i.Response, 0.99),
			GapMillis: i.GapMicros / 1e3, SendGapMillis: i.SendGapMicros / 1e3,
		})
	}
	return u
}

func counts(of map[string]int64) map[string]int {
	all := map[string]int{}
	for class, n := range maps.All(of) {
		all[class] = int(n)
	}
	return all
}

func micros(h *openloop.Histogram, q float64) float64 {
	return float64(h.Quantile(q).Nanoseconds()) / 1e3
}
