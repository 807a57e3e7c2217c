package check

import (
	"context"
	"time"
)

type startKey struct{}

func withStart(ctx context.Context, started time.Time) context.Context {
	return context.WithValue(ctx, startKey{}, started)
}

// Started returns when the check of the context began, so that no more of a log is
// read than what it can have caused; false in a context of no check's.
func Started(ctx context.Context) (time.Time, bool) {
	started, ok := ctx.Value(startKey{}).(time.Time)
	return started, ok
}
