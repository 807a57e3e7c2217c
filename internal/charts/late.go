package charts

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// lateError is the end of a wait at its timeout.
type lateError struct {
	wanted string
	waited time.Duration
	// states are the objects that were waited for in the end.
	states []state
	// details are lines on the objects' pods and events.
	details []string
}

// Error names every object with its last state, one a line below the first.
func (e *lateError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "not %s after %s:", e.wanted, e.waited)
	for _, s := range e.states {
		fmt.Fprintf(&text, "\n  %s", s)
	}
	for _, line := range e.details {
		fmt.Fprintf(&text, "\n  %s", line)
	}
	return text.String()
}

// Unwrap lets errors.Is tell it from a refusal.
func (e *lateError) Unwrap() error { return context.DeadlineExceeded }
