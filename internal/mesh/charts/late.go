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
	// details are lines on the objects' pods and events, the most telling first.
	details []string
}

// Error is one line: the first object that was waited for with its last state, how
// many others there are, and the first of the details. Details has the rest.
func (e *lateError) Error() string {
	text := fmt.Sprintf("not %s after %s", e.wanted, e.waited)
	if len(e.states) > 0 {
		text += ": " + e.states[0].String()
	}
	if others := len(e.states) - 1; others > 0 {
		text += fmt.Sprintf(" (and %d more)", others)
	}
	if len(e.details) > 0 {
		text += "; " + e.details[0]
	}
	return strings.Join(strings.Fields(text), " ")
}

// Details returns every object that was waited for with its last state, and all
// that is known of their pods and events: one line each, for the evidence.
func (e *lateError) Details() []string {
	lines := make([]string, 0, len(e.states)+len(e.details))
	for _, s := range e.states {
		lines = append(lines, s.String())
	}
	return append(lines, e.details...)
}

// Unwrap lets errors.Is tell it from a refusal.
func (e *lateError) Unwrap() error { return context.DeadlineExceeded }
