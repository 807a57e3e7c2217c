package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is how often a lock held by another run is tried again. flock has
// no way to wait that a context could interrupt.
const lockPoll = 200 * time.Millisecond

// lockFile takes an exclusive lock, so that two runs do not start or stop the
// same engine at once. Closing the file gives the lock up; it ends with the
// process at the latest.
func lockFile(ctx context.Context, path string) (*os.File, error) {
	started := time.Now()
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		file, err := tryLock(path, unix.LOCK_EX)
		if !errors.Is(err, errLocked) {
			return file, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait %s for the run that holds %s: %w", time.Since(started).Round(time.Second), path, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// errLocked says that another run holds a lock.
var errLocked = errors.New("locked by another run")

// tryLock takes a lock, unix.LOCK_EX or unix.LOCK_SH, or returns errLocked.
func tryLock(path string, how int) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("create the directory of the engine's lock: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the engine's lock: %w", err)
	}
	err = unix.Flock(int(file.Fd()), how|unix.LOCK_NB)
	if err == nil {
		return file, nil
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = errLocked
	}
	return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
}
