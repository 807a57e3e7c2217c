package artifact

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is how often a lock held by another run is tried again. flock has
// no way to wait that a context could interrupt.
const lockPoll = 200 * time.Millisecond

// lock is an advisory lock on a file; it ends with close, or with the process.
type lock struct{ file *os.File }

// held keeps every lock's file from the garbage collector, which would close the
// file of a Store that nobody refers to any more and so give the lock up while
// the artifact's files are still in use.
var held sync.Map

// errLocked says that another process holds the lock.
var errLocked = errors.New("locked by another run")

// openLock opens the lock file without taking the lock.
func openLock(path string) (*lock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the lock file: %w", err)
	}
	held.Store(file, nil)
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

// tries is a series of attempts to take a lock.
type tries struct {
	lock    *lock
	waiting func()
	failed  bool
}

// tries returns a series that calls waiting once if it has to wait.
func (l *lock) tries(waiting func()) *tries { return &tries{lock: l, waiting: waiting} }

// next tries to take the lock. When it is held, next waits a moment and returns
// false, so that the caller can look again at what it wants the lock for.
func (t *tries) next(ctx context.Context, how int) (taken bool, err error) {
	err = t.lock.try(how)
	if !errors.Is(err, errLocked) {
		return err == nil, err
	}
	if !t.failed {
		t.failed = true
		t.waiting()
	}
	pause := time.NewTimer(lockPoll)
	defer pause.Stop()
	select {
	case <-ctx.Done():
		return false, fmt.Errorf("wait for the lock %s: %w", t.lock.file.Name(), context.Cause(ctx))
	case <-pause.C:
		return false, nil
	}
}

// close gives the lock up.
func (l *lock) close() error {
	held.Delete(l.file)
	return l.file.Close()
}
