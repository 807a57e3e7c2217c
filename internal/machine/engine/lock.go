package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"istio-conformance/internal/process/filelock"
)

// lockFile takes an exclusive lock, so that two runs do not start or stop the
// same engine at once.
func lockFile(ctx context.Context, path string) (*filelock.Lock, error) {
	started := time.Now()
	tick := time.NewTicker(filelock.Poll)
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
