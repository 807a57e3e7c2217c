package progress

import (
	"context"
	"fmt"
	"strings"
)

// Gauge returns how far long work is, in one line of at most width characters; 0
// is any width. It may be called at any time, many times a second.
type Gauge func(width int) string

type gaugesKey struct{}

// WithGauges returns a context by which work hands its gauges to show; a nil gauge
// takes the last one away.
func WithGauges(ctx context.Context, show func(Gauge)) context.Context {
	return context.WithValue(ctx, gaugesKey{}, show)
}

// Show hands a gauge to whoever shows those of ctx, if anybody does, and returns
// the function that takes it away again.
func Show(ctx context.Context, g Gauge) (done func()) {
	show, ok := ctx.Value(gaugesKey{}).(func(Gauge))
	if !ok {
		return func() {}
	}
	show(g)
	return func() { show(nil) }
}

// Bar draws a share, from 0 to 1, in width characters, "[###-----]".
func Bar(share float64, width int) string {
	inner := max(1, width-2)
	full := min(inner, max(0, int(share*float64(inner))))
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", inner-full) + "]"
}

// Roughly writes a time in seconds as exact as an estimate is, "6m15s".
func Roughly(seconds float64) string {
	switch {
	case seconds < 60:
		return fmt.Sprintf("%ds", max(5, 5*int((seconds+4)/5)))
	case seconds < 600:
		return fmt.Sprintf("%dm%02ds", int(seconds)/60, int(seconds)%60/15*15)
	}
	return fmt.Sprintf("%dm", int(seconds+30)/60)
}
