package kit

import (
	"context"
	"fmt"
	"time"
)

const (
	// lastAnswer is what the last question may take beyond the time of a wait.
	lastAnswer = 30 * time.Second
	// askEvery is the time between two questions.
	askEvery = 500 * time.Millisecond
)

// Until asks again until there is no error, at most for a time.
func Until(ctx context.Context, atMost time.Duration, ask func(ctx context.Context) error) error {
	// Who is asked must not run into the deadline: its answer would be the deadline's
	// error, in the words of whichever client noticed it, and not the state.
	asking, cancel := context.WithTimeout(ctx, atMost+lastAnswer)
	defer cancel()
	deadline := time.NewTimer(atMost)
	defer deadline.Stop()
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for {
		err := ask(asking)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("stopped while %w", err)
		case <-deadline.C:
			return fmt.Errorf("after %s: %w", atMost, err)
		case <-ticker.C:
		}
	}
}

// Pause lets time pass; false says that everything ends.
// What can be watched is watched by Until.
func Pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
