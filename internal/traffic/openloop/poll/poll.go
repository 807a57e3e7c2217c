// Package poll waits on one thread for sockets and for the clock at once, with
// the precision of the kernel's high-resolution timers. Go's own timers are no
// better than a millisecond when a process is idle (golang/go#44343), which is
// several times the cost of what is measured.
package poll

import (
	"errors"
	"fmt"
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// Event says that something can be done with a file descriptor.
type Event struct {
	// ID is what the descriptor was added with.
	ID int32
	// Readable also stands for an error or a closed connection: reading tells which.
	Readable, Writable bool
}

// Ids of the descriptors of the Poller itself.
const (
	timerID = -1
	wakeID  = -2
)

// Poller is used by one thread, except for Wake.
type Poller struct {
	epoll, timer, wake int
	raw                []unix.EpollEvent
	events             []Event
	armed              time.Duration // when the timer is going to expire
	woken              bool          // by the timer or by Wake, at the last look
	parked             *parked       // nil: the thread itself sleeps
}

// New returns a Poller that reports at most batch events at a time. Its Wait holds
// a thread.
func New(batch int) (*Poller, error) {
	p := &Poller{armed: disarmed, epoll: -1, timer: -1, wake: -1, raw: make([]unix.EpollEvent, batch), events: make([]Event, 0, batch)}
	if err := p.open(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Poller) open() (err error) {
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("create an epoll instance: %w", err)
	}
	if p.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		return fmt.Errorf("create a timer: %w", err)
	}
	if p.wake, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		return fmt.Errorf("create an event descriptor: %w", err)
	}
	// Edge-triggered: a timer that is set anew need not be read.
	timer := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: timerID}
	if err := unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, p.timer, &timer); err != nil {
		return fmt.Errorf("watch the timer: %w", err)
	}
	return p.Add(p.wake, wakeID)
}

// Add watches the descriptor for reading.
func (p *Poller) Add(fd int, id int32) error {
	return p.control(unix.EPOLL_CTL_ADD, fd, id, unix.EPOLLIN|unix.EPOLLRDHUP)
}

// WantWrite also watches the descriptor for writing, or stops that.
func (p *Poller) WantWrite(fd int, id int32, want bool) error {
	events := uint32(unix.EPOLLIN | unix.EPOLLRDHUP)
	if want {
		events |= unix.EPOLLOUT
	}
	return p.control(unix.EPOLL_CTL_MOD, fd, id, events)
}

func (p *Poller) control(op, fd int, id int32, events uint32) error {
	if err := unix.EpollCtl(p.epoll, op, fd, &unix.EpollEvent{Events: events, Fd: id}); err != nil {
		return fmt.Errorf("watch descriptor %d: %w", fd, err)
	}
	return nil
}

// Wait returns what can be done now or, when there is nothing, waits until there
// is, at most until the time given; both times are read from the caller's clock.
// The events are valid until the next call. A descriptor is no longer watched
// when it is closed. slept says whether the thread waited for them.
func (p *Poller) Wait(now, until time.Duration) (events []Event, slept bool, err error) {
	events, err = p.collect(0)
	if err != nil || len(events) > 0 || until <= now || p.woken {
		return events, false, err
	}
	// To set a timer takes a virtual machine several microseconds, more than to
	// look for events once too often: a timer that is right is left alone.
	if p.armed != until {
		spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(until - now))}
		if err := unix.TimerfdSettime(p.timer, 0, &spec, nil); err != nil {
			return nil, false, fmt.Errorf("set a timer: %w", err)
		}
		p.armed = until
	}
	if p.parked != nil {
		events, err = p.park()
	} else {
		events, err = p.collect(-1)
	}
	return events, true, err
}

// disarmed is no time of any clock.
const disarmed = time.Duration(math.MinInt64)

// collect returns what epoll reports within timeout milliseconds, -1 without end.
func (p *Poller) collect(timeout int) ([]Event, error) {
	n, err := unix.EpollWait(p.epoll, p.raw, timeout)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return nil, fmt.Errorf("wait for sockets: %w", err)
	}
	p.events, p.woken = p.events[:0], false
	for i := range max(n, 0) {
		if err := p.take(&p.raw[i]); err != nil {
			return nil, err
		}
	}
	return p.events, nil
}

func (p *Poller) take(raw *unix.EpollEvent) error {
	switch raw.Fd {
	case timerID:
		p.armed, p.woken = disarmed, true
	case wakeID:
		p.woken = true
		var count [8]byte
		if _, err := unix.Read(p.wake, count[:]); err != nil && !errors.Is(err, unix.EAGAIN) {
			return fmt.Errorf("read an event descriptor: %w", err)
		}
	default:
		p.events = append(p.events, Event{
			ID: raw.Fd, Writable: raw.Events&unix.EPOLLOUT != 0, Readable: raw.Events&^uint32(unix.EPOLLOUT) != 0,
		})
	}
	return nil
}

// Wake ends the Wait that is under way, or the next one. Any thread may call it.
func (p *Poller) Wake() error {
	one := [8]byte{1}
	if _, err := unix.Write(p.wake, one[:]); err != nil && !errors.Is(err, unix.EAGAIN) {
		return fmt.Errorf("write an event descriptor: %w", err)
	}
	return nil
}

// Close closes what the Poller opened itself.
func (p *Poller) Close() error {
	var errs []error
	epoll := p.epoll
	if p.parked != nil {
		errs = append(errs, p.parked.file.Close()) // the same descriptor
		epoll = -1
	}
	for _, fd := range []int{p.wake, p.timer, epoll} {
		if fd >= 0 {
			errs = append(errs, unix.Close(fd))
		}
	}
	return errors.Join(errs...)
}
