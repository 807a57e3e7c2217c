package openloop

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Each protocol, kind of connection and number of threads sends each request of
// the schedule exactly once.
func TestRunSendsTheSchedule(t *testing.T) {
	for _, c := range []struct {
		protocol Protocol
		secure   bool
		fresh    bool
		workers  int
		proto    string
	}{
		{HTTP1, false, false, 1, "HTTP/1.1"}, {HTTP1, false, true, 1, "HTTP/1.1"}, {HTTP1, false, false, 3, "HTTP/1.1"},
		{HTTP1, true, false, 1, "HTTP/1.1"}, {HTTP1, true, true, 1, "HTTP/1.1"},
		{HTTP2, false, false, 1, "HTTP/2.0"}, {HTTP2, true, false, 2, "HTTP/2.0"}, {GRPC, false, false, 1, "HTTP/2.0"}, {GRPC, true, false, 1, "HTTP/2.0"},
	} {
		testSchedule := func(t *testing.T, relaxed bool) {
			t.Helper()
			var requests, wrong atomic.Int64
			server, settings := serve(t, c.secure, func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				if r.Proto != c.proto || r.Host != "example.com" || r.URL.Path != "/test.Service/Call" {
					wrong.Add(1)
				}
				if c.protocol == GRPC {
					w.Header().Set("Trailer", "grpc-status")
					defer w.Header().Set("grpc-status", "0")
				}
				if _, err := io.WriteString(w, "a body"); err != nil {
					wrong.Add(1)
				}
			})
			config := brief(Path{URL: server.URL + "/test.Service/Call", Host: "example.com", Protocol: c.protocol, TLS: settings})
			config.NewConnections, config.Workers, config.Relaxed = c.fresh, c.workers, relaxed
			r := run(t, config)
			if r.Counts.OK != 80 || r.Response.Count() != 80 || r.Service.Count() != 80 {
				t.Errorf("counts %+v, errors %v", r.Counts, r.Errors)
			}
			if requests.Load() != 100 || wrong.Load() != 0 {
				t.Errorf("the server saw %d requests, want 100; %d were wrong", requests.Load(), wrong.Load())
			}
			if want := int64(4); !c.fresh && r.Opened != want || c.fresh && r.Opened != 100 {
				t.Errorf("%d connections were opened", r.Opened)
			}
			sum := int64(0)
			for _, i := range r.Intervals {
				sum += i.OK
			}
			if sum != 80 {
				t.Errorf("the seconds hold %d answers", sum)
			}
		}
		name := fmt.Sprintf("%s secure=%t fresh=%t workers=%d", c.protocol, c.secure, c.fresh, c.workers)
		t.Run(name, func(t *testing.T) { testSchedule(t, false) })
		t.Run(name+" relaxed", func(t *testing.T) { testSchedule(t, true) })
	}
}

func TestRunCountsErrorsAndNeverRetries(t *testing.T) {
	hijack := func(w http.ResponseWriter, end func(*net.TCPConn) error) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			err = end(c.(*net.TCPConn))
		}
		if err != nil {
			panic(err)
		}
	}
	for class, handler := range map[string]http.HandlerFunc{
		"http 503 UF": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Envoy-Response-Flags", "UF")
			w.WriteHeader(http.StatusServiceUnavailable)
		},
		"http 404":  http.NotFound,
		ClassClosed: func(w http.ResponseWriter, _ *http.Request) { hijack(w, (*net.TCPConn).Close) },
		ClassReset: func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, func(c *net.TCPConn) error { return errors.Join(c.SetLinger(0), c.Close()) })
		},
		ClassProtocol: func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, func(c *net.TCPConn) error {
				_, err := c.Write([]byte("nonsense\r\n\r\n"))
				return errors.Join(err, c.Close())
			})
		},
	} {
		t.Run(class, func(t *testing.T) {
			var requests atomic.Int64
			server, _ := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
				if requests.Add(1)%10 == 0 {
					handler(w, r)
				}
			})
			config := brief(Path{URL: server.URL, Protocol: HTTP1})
			config.Schedule.Warmup, config.Schedule.Duration = 0, 80*time.Millisecond
			r := run(t, config)
			if r.Errors[class] != 8 || len(r.Errors) != 1 || r.Counts.Failed != 8 || r.Counts.OK != 72 {
				t.Errorf("errors %v, counts %+v; want 8 %s of 80", r.Errors, r.Counts, class)
			}
			if requests.Load() != 80 {
				t.Errorf("the server saw %d requests, want 80: something was sent twice", requests.Load())
			}
			if len(r.Intervals) == 0 || r.Intervals[0].Failed() != 8 {
				t.Errorf("the seconds do not hold the errors: %+v", r.Intervals)
			}
			if len(r.Failures) != 8 {
				t.Errorf("%d failures are kept, want 8", len(r.Failures))
			}
			for _, f := range r.Failures {
				if f.Class != class || !f.From.IsValid() || f.Sent.Before(f.Due) || !f.Failed.After(f.Sent) {
					t.Errorf("failure %+v", f)
				}
				if answered := strings.HasPrefix(f.Received, "HTTP/1.1 "); answered != strings.HasPrefix(class, "http ") {
					t.Errorf("%s: received %q", class, f.Received)
				}
			}
		})
	}
}

func TestRunTimesOut(t *testing.T) {
	release := make(chan struct{})
	var requests atomic.Int64
	server, _ := serve(t, false, func(_ http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 5 {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
	})
	defer close(release)
	for _, protocol := range []Protocol{HTTP1, HTTP2} {
		requests.Store(0)
		config := brief(Path{URL: server.URL, Protocol: protocol})
		config.Schedule.Warmup, config.Timeout = 0, 200*time.Millisecond
		if r := run(t, config); r.Errors[ClassTimeout] < 1 {
			t.Errorf("%s: errors %v", protocol, r.Errors)
		}
	}
}

func TestRunOverflows(t *testing.T) {
	release := make(chan struct{})
	server, _ := serve(t, false, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	config := brief(Path{URL: server.URL, Protocol: HTTP1})
	// The time-out also bounds the handshake, which a busy machine delays.
	config.Schedule, config.Timeout, config.Connections = Schedule{Rate: 80, Duration: time.Second}, 300*time.Millisecond, 1
	r := run(t, config)
	if r.Counts.Overflow == 0 || r.Errors[ClassTimeout] == 0 || r.Unheld == "" {
		t.Errorf("counts %+v, errors %v, invalid %v", r.Counts, r.Errors, r.Invalid)
	}
}

func TestRunRefusesToBegin(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	for _, fresh := range []bool{false, true} {
		config := brief(Path{Name: "old", URL: "http://" + gone, Protocol: HTTP1})
		config.NewConnections = fresh
		if _, err := Run(t.Context(), config); err == nil || !strings.Contains(err.Error(), "path old: nothing listens at "+gone) {
			t.Errorf("got %v", err)
		}
	}
	server, settings := serve(t, true, func(http.ResponseWriter, *http.Request) {})
	settings.RootCAs = x509.NewCertPool()
	if _, err := Run(t.Context(), brief(Path{URL: server.URL, Protocol: HTTP1, TLS: settings})); err == nil || classify(err) != ClassTLS {
		t.Errorf("an unknown authority: %v", err)
	}
	late := brief(Path{URL: server.URL, Protocol: HTTP1, TLS: &tls.Config{InsecureSkipVerify: true}})
	late.Start = time.Now().Add(-time.Second)
	if _, err := Run(t.Context(), late); !errors.Is(err, ErrLate) {
		t.Errorf("a start that is over: %v", err)
	}
}

func TestRunNeedsHTTP2OverTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler()) // HTTP/1.1 only
	defer server.Close()
	config := brief(Path{URL: server.URL, Protocol: HTTP2, TLS: &tls.Config{InsecureSkipVerify: true}})
	if _, err := Run(t.Context(), config); !errors.Is(err, errALPN) && (err == nil || classify(err) != ClassTLS) {
		t.Errorf("got %v", err)
	}
}

func TestRunStopsWithItsContext(t *testing.T) {
	server, _ := serve(t, false, func(http.ResponseWriter, *http.Request) {})
	ctx, cancel := context.WithCancel(t.Context())
	config := brief(Path{URL: server.URL, Protocol: HTTP1})
	config.Schedule.Duration = time.Hour
	config.Progress = func(*Interval) { cancel() }
	r, err := Run(ctx, config)
	if !errors.Is(err, context.Canceled) || r == nil || r.Counts.OK == 0 || len(r.Invalid) == 0 {
		t.Errorf("got %v, %+v", err, r)
	}
}

// A request that was due a second before it can be sent took a second longer for
// its user than for the server, however fast the machine is.
func TestResponseTimeCountsFromTheSchedule(t *testing.T) {
	var requests atomic.Int64
	server, _ := serve(t, false, func(http.ResponseWriter, *http.Request) {
		if requests.Add(1) == 10 {
			time.Sleep(300 * time.Millisecond) // the system stalls
		}
	})
	config := brief(Path{URL: server.URL, Protocol: HTTP1})
	config.Schedule, config.Connections = Schedule{Rate: 400, Duration: 200 * time.Millisecond}, 1
	r := run(t, config)
	// 10 requests before the stall; all 70 that were due during it are late.
	if slow := r.Response.Quantile(0.5); slow < 50*time.Millisecond {
		t.Errorf("the median response time is %s: the stall is hidden", slow)
	}
	if service, response := r.Service.Quantile(0.5), r.Response.Quantile(0.5); service >= response {
		t.Errorf("the service time, %s, shows what only the response time, %s, should", service, response)
	}
	if r.Lag.Quantile(0.9) < 50*time.Millisecond || r.Service.Max() < 300*time.Millisecond {
		t.Errorf("send lag %s, longest service time %s", r.Lag.Quantile(0.9), r.Service.Max())
	}
}

func TestResultsOfStripesMerge(t *testing.T) {
	server, _ := serve(t, false, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	whole := (*Result)(nil)
	start := time.Now().Add(300 * time.Millisecond)
	for i := range 2 {
		config := brief(Path{URL: server.URL, Protocol: HTTP1})
		config.Stripe = Stripe{i, 2}
		r, err := Run(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		r.Started = start
		if whole == nil {
			whole = r
		} else if err := whole.Merge(r); err != nil {
			t.Fatal(err)
		}
	}
	if whole.Counts.Planned != 80 || whole.Counts.Failed != 80 || whole.Errors["http 418"] != 80 || len(whole.Stripes) != 2 || whole.WarmupErrors["http 418"] != 20 {
		t.Errorf("%+v %v %v", whole.Counts, whole.Errors, whole.Stripes)
	}
	other := *whole
	other.Rate = 1
	if whole.Merge(&other) == nil {
		t.Error("results of different runs were merged")
	}
}

// grpcFrame is what a client of gRPC sends before its message.
func TestGRPCMessageIsFramed(t *testing.T) {
	var seen atomic.Value
	server, _ := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
		head := make([]byte, 8)
		if n, err := r.Body.Read(head); err == nil || n > 0 {
			seen.Store(append([]byte(nil), head[:n]...))
		}
		w.Header().Set("Trailer", "grpc-status")
		w.WriteHeader(http.StatusOK)
		w.Header().Set("grpc-status", "14")
	})
	r := run(t, brief(Path{URL: server.URL + "/p.S/M", Protocol: GRPC, Body: []byte("msg")}))
	if r.Errors["grpc 14"] != 80 {
		t.Errorf("errors %v", r.Errors)
	}
	if b, _ := seen.Load().([]byte); len(b) != 8 || b[0] != 0 || binary.BigEndian.Uint32(b[1:]) != 3 || string(b[5:]) != "msg" {
		t.Errorf("the message arrived as %q", b)
	}
}
