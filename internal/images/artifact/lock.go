package artifact

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is how often a lock held by another run is tried again. flock has
// no way to wait that a context could interrupt.
const lockPoll = 200 * time.Millisecond

// lock is an advisory lock on a file; it ends with the process at the latest.
type lock struct{ file *os.File }

// errLocked says that another process holds the lock.
var errLocked = errors.New("locked by another run")

// openLock opens the lock file without taking the lock.
func openLock(path string) (*lock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the lock file: %w", err)
	}
	return &lock{file}, nil
}

// try takes the lock, shared or exclusive, or returns errLocked. A lock that
// is held already changes its kind.
func (l *lock) try(how int) error {
	err := unix.Flock(int(l.file.Fd()), how|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return errLocked
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", l.file.Name(), err)
	}
	return nil
}

// wait takes the lock as soon as it is free; waiting is called once if it is not.
func (l *lock) wait(ctx context.Context, how int, waiting func()) error {
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for first := true; ; first = false {
		err := l.try(how)
		if !errors.Is(err, errLocked) {
			return err
		}
		if first {
			waiting()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the lock %s: %w", l.file.Name(), context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// close gives the lock up.
func (l *lock) close() error { return l.file.Close() }
