package openloop

import (
	"istio-conformance/internal/traffic/openloop/codec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"istio-conformance/internal/traffic/openloop/poll"
)

// rig is a worker with one connection, whose other end is held by the test.
func rig(t *testing.T) (w *worker, peer int) {
	t.Helper()
	poller, err := poll.New(batch)
	if err != nil {
		t.Fatal(err)
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	config := Config{Path: Path{URL: "http://127.0.0.1/", Protocol: HTTP1}, Schedule: Schedule{Rate: 1000, Duration: time.Hour}, Connections: 1}
	config.defaults()
	aim, err := config.Path.resolve(false)
	if err != nil {
		t.Fatal(err)
	}
	p := &plan{config: config, target: aim, workers: 1, maxBacklog: 1000, start: time.Now().Add(-time.Minute)}
	w = &worker{plan: p, poller: poller, count: 1 << 40, recorder: newRecorder(config.Schedule, make(chan *Interval, 10_000))}
	w.conns = []*conn{{worker: w}}
	w.tick()
	s := &socket{fd: fds[0]}
	w.conns[0].opened(&link{socket: s, stream: s}, nil)
	t.Cleanup(func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
		if err := unix.Close(fds[1]); err != nil {
			t.Error(err)
		}
	})
	return w, fds[1]
}

// From the schedule to the histogram, through the kernel and back, a good answer
// costs no allocation.
func TestRequestDoesNotAllocate(t *testing.T) {
	w, peer := rig(t)
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	buffer := make([]byte, 4096)
	c := w.conns[0]
	w.waited = openWaited()
	defer w.waited.close()
	allocated := testing.AllocsPerRun(2000, func() {
		w.pending++
		c.backlog++
		c.pump()
		if n, err := unix.Read(peer, buffer); err != nil || n == 0 {
			t.Fatal(n, err)
		}
		if _, err := unix.Write(peer, answer); err != nil {
			t.Fatal(err)
		}
		events, _, err := w.poller.Wait(0, 1)
		if err != nil || len(events) != 1 {
			t.Fatal(events, err)
		}
		w.tick()
		w.look(true, 0)
		w.take(events[0])
	})
	if allocated != 0 || w.recorder.counts.OK < 2000 {
		t.Errorf("%v allocations a request, %+v", allocated, w.recorder.counts)
	}
}

// What a full socket does not take is sent later, in order.
func TestFullSocketQueues(t *testing.T) {
	w, peer := rig(t)
	c := w.conns[0]
	body := make([]byte, 4<<20)
	for i := range body {
		body[i] = byte(i >> 10)
	}
	c.out = append(c.out, body...)
	c.write()
	if len(c.link.socket.queue) == 0 || !c.writable {
		t.Fatal("a socket took 4 MB at once")
	}
	buffer := make([]byte, 1<<20)
	for read := 0; read < len(body); {
		n, err := unix.Read(peer, buffer)
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range buffer[:n] {
			if b != body[read+i] {
				t.Fatalf("byte %d is %d, want %d", read+i, b, body[read+i])
			}
		}
		read += n
		if len(c.link.socket.queue) > 0 {
			events, _, err := w.poller.Wait(0, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			w.take(events[0])
		}
	}
	if c.writable {
		t.Error("an empty queue is still watched")
	}
}

// The generator's own lateness is not what a busy connection adds.
func TestOwnLag(t *testing.T) {
	w, _ := rig(t)
	c := w.conns[0]
	c.backlog = 2
	c.freeAt = w.clock() - time.Millisecond
	first := c.take()
	if first.Own < time.Millisecond || first.Own > first.Sent-first.Intended || first.Intended != 0 {
		t.Errorf("the connection was free for a millisecond: %+v", first)
	}
	c.freeAt = w.clock() + time.Hour // a connection that becomes free just now
	if second := c.take(); second.Own > 0 || second.Sent <= second.Intended {
		t.Errorf("the wait for the connection is not the generator's: %+v", second)
	}
}

// A request that waits for one that was sent late is late by the generator's fault.
func TestOwnLagIsPassedOn(t *testing.T) {
	w, _ := rig(t)
	c := w.conns[0]
	w.late = 2 * time.Millisecond
	c.Answered(codec.Answer{Status: 200, Ticket: codec.Ticket{Own: 5 * time.Millisecond}})
	if c.owed != 7*time.Millisecond {
		t.Errorf("sent 5 ms late and read 2 ms late: owed %s", c.owed)
	}
}

// What the thread was too late to look for is its own lateness too: it makes the
// answer late, and the next request on the connection.
func TestLook(t *testing.T) {
	w, _ := rig(t)
	w.waited = &waited{fd: -1}
	w.now, w.looked = 5*time.Millisecond, 2*time.Millisecond
	if w.look(false, 0); w.late != 3*time.Millisecond || w.looked != w.now {
		t.Errorf("found without sleeping, 3 ms after the last look: late by %s", w.late)
	}
	w.now = 9 * time.Millisecond
	if w.look(true, 8*time.Millisecond); w.late != time.Millisecond {
		t.Errorf("overslept by 1 ms: late by %s", w.late)
	}
	w.now = 10 * time.Millisecond
	if w.look(true, 20*time.Millisecond); w.late != 0 {
		t.Errorf("woken in time: late by %s", w.late)
	}
}

func TestSecondNumber(t *testing.T) {
	for line, want := range map[string]time.Duration{"836538 13816356 12\n": 13816356, "1 0 0": 0, "": 0, "7": 0} {
		if got := secondNumber([]byte(line)); got != want {
			t.Errorf("%q: got %d, want %d", line, got, want)
		}
	}
}
