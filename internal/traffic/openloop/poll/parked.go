package poll

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// parked lets Go's own poller watch the Poller, for a Wait that holds no thread.
// A thread that sleeps in a system call many times a second keeps the scheduler's
// monitor looking for it every 20 microseconds, which costs 5 to 10 % of a CPU.
type parked struct {
	file *os.File
	raw  syscall.RawConn
}

// NewRelaxed returns a Poller whose Wait costs less CPU, and ends some ten to a
// hundred microseconds later than that of New.
func NewRelaxed(batch int) (*Poller, error) {
	p, err := New(batch)
	if err != nil {
		return nil, err
	}
	if err := p.relax(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Poller) relax() error {
	// What says that the runtime may watch it; epoll itself has no use for it.
	if err := unix.SetNonblock(p.epoll, true); err != nil {
		return fmt.Errorf("make the epoll instance non-blocking: %w", err)
	}
	file := os.NewFile(uintptr(p.epoll), "epoll")
	p.parked = &parked{file: file}
	raw, err := file.SyscallConn()
	if err != nil {
		return fmt.Errorf("watch the epoll instance: %w", err)
	}
	p.parked.raw = raw
	return nil
}

// park waits as collect(-1) does. The timer and the descriptor of Wake are in the
// set, so that it ends by them too.
func (p *Poller) park() (events []Event, err error) {
	waited := p.parked.raw.Read(func(uintptr) bool {
		events, err = p.collect(0)
		return err != nil || len(events) > 0 || p.woken
	})
	if err == nil && waited != nil {
		err = fmt.Errorf("wait for sockets: %w", waited)
	}
	return events, err
}
