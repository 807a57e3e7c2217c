package poll

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// each runs a test with both kinds of Poller.
func each(t *testing.T, test func(t *testing.T, p *Poller)) {
	t.Helper()
	t.Run("New", func(t *testing.T) { test(t, poller(t, New)) })
	t.Run("NewRelaxed", func(t *testing.T) { test(t, poller(t, NewRelaxed)) })
}

func poller(t *testing.T, make func(batch int) (*Poller, error)) *Poller {
	t.Helper()
	p, err := make(8)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func pair(t *testing.T) [2]int {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, fd := range fds {
			_ = unix.Close(fd) // Harmless: a test may have closed it.
		}
	})
	return fds
}

func TestWaitEndsAtTheTime(t *testing.T) { each(t, waitEndsAtTheTime) }

func waitEndsAtTheTime(t *testing.T, p *Poller) {
	t.Helper()
	for i := range 3 {
		now := time.Duration(i) * time.Hour
		// The same time is not set again after it was over, a later one is.
		events, _, err := p.Wait(now, now+time.Millisecond)
		if err != nil || len(events) != 0 {
			t.Fatalf("%v, %v", events, err)
		}
	}
	if events, _, err := p.Wait(5, 5); err != nil || len(events) != 0 {
		t.Fatalf("a time that is over: %v, %v", events, err)
	}
}

func TestWaitReportsSockets(t *testing.T) { each(t, waitReportsSockets) }

func waitReportsSockets(t *testing.T, p *Poller) {
	t.Helper()
	fds := pair(t)
	if err := p.Add(fds[0], 7); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(fds[1], []byte("x")); err != nil {
		t.Fatal(err)
	}
	want := Event{ID: 7, Readable: true}
	if events, _, err := p.Wait(0, time.Hour); err != nil || len(events) != 1 || events[0] != want {
		t.Fatalf("got %v, %v; want %v", events, err, want)
	}
	if err := p.WantWrite(fds[0], 7, true); err != nil {
		t.Fatal(err)
	}
	want.Writable = true
	if events, _, err := p.Wait(0, time.Hour); err != nil || len(events) != 1 || events[0] != want {
		t.Fatalf("got %v, %v; want %v", events, err, want)
	}
	if err := p.WantWrite(fds[0], 7, false); err != nil {
		t.Fatal(err)
	}
	if err := unix.Close(fds[1]); err != nil {
		t.Fatal(err)
	}
	if events, _, err := p.Wait(0, time.Hour); err != nil || len(events) != 1 || !events[0].Readable || events[0].Writable {
		t.Fatalf("a closed peer: %v, %v", events, err)
	}
}

func TestWakeEndsAWait(t *testing.T) { each(t, wakeEndsAWait) }

func wakeEndsAWait(t *testing.T, p *Poller) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- p.Wake() }()
	if events, _, err := p.Wait(0, time.Hour); err != nil || len(events) != 0 {
		t.Fatalf("%v, %v", events, err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestWaitDoesNotAllocate(t *testing.T) {
	p := poller(t, New)
	fds := pair(t)
	if err := p.Add(fds[0], 7); err != nil {
		t.Fatal(err)
	}
	now := time.Duration(0)
	allocated := testing.AllocsPerRun(200, func() {
		now += time.Second
		if _, _, err := p.Wait(now, now+time.Microsecond); err != nil {
			t.Fatal(err)
		}
	})
	if allocated != 0 {
		t.Errorf("%v allocations a wait", allocated)
	}
}

func TestARelaxedWaitSleeps(t *testing.T) {
	p := poller(t, NewRelaxed)
	fds := pair(t)
	if err := p.Add(fds[0], 7); err != nil {
		t.Fatal(err)
	}
	// What arrives while nobody waits is seen by the next Wait, again and again.
	for range 50 {
		done := make(chan error, 1)
		go func() {
			_, err := unix.Write(fds[1], []byte("x"))
			done <- err
		}()
		if events, _, err := p.Wait(0, time.Hour); err != nil || len(events) != 1 {
			t.Fatalf("%v, %v", events, err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		var one [1]byte
		if _, err := unix.Read(fds[0], one[:]); err != nil {
			t.Fatal(err)
		}
	}
}
