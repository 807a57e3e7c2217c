package openloop

import (
	"net"
	"net/http"
	"testing"
	"time"
)

// stalling answers nothing until some time after its first request, on no connection.
func stalling(stall time.Duration) http.HandlerFunc {
	ready := make(chan struct{})
	time.AfterFunc(stall, func() { close(ready) })
	return func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-ready:
		case <-r.Context().Done():
		}
	}
}

// While a server stalls, every connection is busy and more becomes due. With patience
// that is sent late, and the delay is in its response time; without, it is given up.
func TestPatienceSendsWhatWasDueDuringAStall(t *testing.T) {
	const stall = 2 * time.Second
	for _, tt := range []struct {
		name     string
		fresh    bool
		patience time.Duration
		all      bool // is sent
	}{
		{"kept connections", false, time.Minute, true}, {"new connections", true, time.Minute, true},
		{"kept connections, too little patience", false, 200 * time.Millisecond, false}, {"new connections, too little patience", true, 200 * time.Millisecond, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server, _ := serve(t, false, stalling(stall))
			began := time.Now()
			r, err := Run(t.Context(), Config{
				Path: Path{URL: server.URL, Protocol: HTTP1}, Connections: 4, NewConnections: tt.fresh, Patience: tt.patience, Limits: &Limits{LossOnly: true},
				Schedule: Schedule{Rate: 100, Duration: 3 * time.Second},
			})
			if err != nil {
				t.Fatal(err)
			}
			stalled := stall - r.Started.Sub(began)
			c := r.Counts
			if c.Failed != 0 || c.OK+c.Overflow != 300 || len(r.Invalid) != 0 {
				t.Errorf("counts %+v, errors %v, invalid %v", c, r.Errors, r.Invalid)
			}
			if tt.all != (c.Overflow == 0) {
				t.Errorf("%d of 300 requests were never sent", c.Overflow)
			}
			// One was due every 10 ms of the stall, the first ones of them sent at once.
			if r.Response.Max() < stalled-50*time.Millisecond {
				t.Errorf("the longest response took %s, the server stalled for %s", r.Response.Max(), stalled)
			}
			if half := r.Response.Quantile(0.5); tt.all && half < stalled/8 {
				t.Errorf("half of the responses took at most %s, the server stalled for %s: the delay is hidden", half, stalled)
			}
			if r.LongestSendGapMicros < micros(stalled/2) {
				t.Errorf("a request was sent at least every %g us, although the server stalled for %s", r.LongestSendGapMicros, stalled)
			}
		})
	}
}

// What waits when the schedule ends is sent too; that which still waits after the
// patience is given up, and counted.
func TestPatienceBeyondTheEnd(t *testing.T) {
	server, _ := serve(t, false, func(http.ResponseWriter, *http.Request) { time.Sleep(50 * time.Millisecond) })
	end := make(chan struct{})
	for patience, all := range map[time.Duration]bool{time.Minute: true, 500 * time.Millisecond: false} {
		config := Config{
			Path: Path{URL: server.URL, Protocol: HTTP1}, Connections: 1, Patience: patience, Limits: &Limits{LossOnly: true},
			Schedule: Schedule{Rate: 100, Duration: 800 * time.Millisecond},
		}
		if !all { // the same when the end comes early
			config.Schedule.Duration, config.End = time.Hour, end
			time.AfterFunc(800*time.Millisecond, func() { close(end) })
		}
		r, err := Run(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		c := r.Counts
		if c.OK+c.Overflow != c.Planned || c.Planned < 40 || (c.Overflow == 0) != all || len(r.Invalid) != 0 {
			t.Errorf("patience %s: counts %+v, errors %v, invalid %v", patience, c, r.Errors, r.Invalid)
		}
	}
}

// A server that goes away loses every request from then on, and each is counted: one
// that waits for a connection is not excused.
func TestPatienceExcusesNothing(t *testing.T) {
	for _, fresh := range []bool{false, true} {
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			// The first connections are held, without an answer, and ended together with
			// the listener.
			var held []net.Conn
			for {
				c, err := listener.Accept()
				if err != nil {
					break
				}
				if held = append(held, c); len(held) == 2 {
					time.AfterFunc(500*time.Millisecond, func() { _ = listener.Close() }) // Harmless: it ends the loop.
				}
			}
			for _, c := range held {
				_ = c.Close() // Harmless: nobody reads the error.
			}
		}()
		r, err := Run(t.Context(), Config{
			Path: Path{URL: "http://" + listener.Addr().String(), Protocol: HTTP1}, Connections: 2, NewConnections: fresh,
			Patience: time.Minute, Limits: &Limits{LossOnly: true}, Schedule: Schedule{Rate: 100, Duration: time.Second},
		})
		if err != nil {
			t.Fatal(err)
		}
		if c := r.Counts; c.Failed != 100 || r.Errors[ClassRefused] < 40 || len(r.Invalid) != 0 {
			t.Errorf("fresh %t: counts %+v, errors %v, invalid %v", fresh, c, r.Errors, r.Invalid)
		}
	}
}

func TestPatienceIsChecked(t *testing.T) {
	config := brief(Path{URL: "http://127.0.0.1:1", Protocol: HTTP1})
	config.Patience = -time.Second
	if config.Check() == nil {
		t.Error("a patience below 0 is accepted")
	}
}
