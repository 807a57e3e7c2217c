package artifact

import (
	"context"
	"errors"
	"fmt"
	"time"

	"istio-conformance/internal/process/filelock"
)

// tries is a series of attempts to take a lock.
type tries struct {
	lock    *filelock.Lock
	waiting func() // called once if the series has to wait
	failed  bool
}

// next tries to take the lock. When it is held, next waits a moment and returns
// false, so that the caller can look again at what it wants the lock for.
func (t *tries) next(ctx context.Context, how filelock.How) (taken bool, err error) {
	err = t.lock.Try(how)
	if !errors.Is(err, filelock.ErrLocked) {
		return err == nil, err
	}
	if !t.failed {
		t.failed = true
		t.waiting()
	}
	pause := time.NewTimer(filelock.Poll)
	defer pause.Stop()
	select {
	case <-ctx.Done():
		return false, fmt.Errorf("wait for the lock of another run: %w", context.Cause(ctx))
	case <-pause.C:
		return false, nil
	}
}
