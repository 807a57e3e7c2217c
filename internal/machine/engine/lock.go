package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"istio-conformance/internal/process/filelock"
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
		file, err := filelock.Exclusive(path)
		if !errors.Is(err, filelock.ErrLocked) {
			return file, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait %s for the run that holds %s: %w", time.Since(started).Round(time.Second), path, context.Cause(ctx))
		case <-tick.C:
		}
	}
}
