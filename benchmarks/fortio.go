package main

import (
	"context"
	"io"
	"sync"
	"time"

	"fortio.org/fortio/fhttp"
	"fortio.org/fortio/periodic"
	fortiolog "fortio.org/log"
)

// starts notes when each call of each thread of fortio began.
type starts struct {
	mu    sync.Mutex
	calls []call
}

type call struct {
	thread  int
	number  int64
	start   time.Time
	seconds float64
}

func (s *starts) Start(ctx context.Context, _ periodic.ThreadID, _ int64, _ time.Time) context.Context {
	return ctx
}

func (s *starts) Report(_ context.Context, id periodic.ThreadID, i int64, start time.Time, latency float64, _ bool, _ string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call{int(id), i, start, latency})
}

func (s *starts) Info() string { return "starts" }

// fortio runs fortio's own library, with its fast client. Its histogram has steps
// of up to 100 %, so its calls are noted one by one at a fixed rate.
func fortio(l load) (outcome, error) {
	fortiolog.SetLogLevel(fortiolog.Error)
	options := fhttp.HTTPRunnerOptions{
		RunnerOptions: periodic.RunnerOptions{
			QPS: l.Rate, Duration: l.Duration, NumThreads: l.Connections, Resolution: 1e-6, Uniform: true, NoCatchUp: true, Out: io.Discard,
		},
		HTTPOptions: fhttp.HTTPOptions{URL: l.URL},
	}
	if l.Rate == 0 {
		options.QPS = -1
	}
	noted := &starts{}
	if l.Rate != 0 {
		options.AccessLogger = noted
	}
	r, err := fhttp.RunHTTPTest(&options)
	if err != nil {
		return outcome{}, err
	}
	o := outcome{Requests: r.DurationHistogram.Count, Seconds: r.ActualDuration.Seconds()}
	for code, n := range r.RetCodes {
		if code != 200 {
			o.Failed += n
		}
	}
	if l.Rate != 0 {
		service, lag := noted.measure(l, r.StartTime)
		o.Service, o.Lag = of(service), of(lag)
	}
	return o, nil
}

// measure compares each call with fortio's own schedule (periodic.runOne): thread
// t begins t/(n*rate) late, call i is due after (i+i/(calls-1))/rate.
func (s *starts) measure(l load, start time.Time) (service, lag []float64) {
	perThread := l.Rate / float64(l.Connections)
	calls := float64(int64(l.Rate*l.Duration.Seconds()) / int64(l.Connections))
	for _, c := range s.calls {
		i := float64(c.number)
		due := float64(c.thread)/float64(l.Connections)/perThread + (i+i/(calls-1))/perThread
		service = append(service, c.seconds*1e6)
		lag = append(lag, (c.start.Sub(start).Seconds()-due)*1e6)
	}
	return service, lag
}
