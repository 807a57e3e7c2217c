package probe

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// traceLimit is how many exchanges a Trace keeps: the last ones.
const traceLimit = 100

// Trace keeps what the requests of one check were and what came back, so that a
// failure's evidence can show them.
type Trace struct {
	mu        sync.Mutex
	dropped   int
	exchanges []string
}

type traceKey struct{}

// WithTrace returns a context whose requests are kept in the trace.
func WithTrace(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// Exchanged keeps a response that was made in another way than by HTTP, such as
// one of a client of its own. A context without a trace keeps nothing.
func Exchanged(ctx context.Context, started time.Time, evidence string) {
	t, traced := ctx.Value(traceKey{}).(*Trace)
	if !traced {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.exchanges = append(t.exchanges, started.UTC().Format("15:04:05.000")+"\n"+evidence)
	if len(t.exchanges) > traceLimit {
		t.dropped++
		t.exchanges = t.exchanges[1:]
	}
}

// String writes the exchanges down in the order in which they ended.
func (t *Trace) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	if t.dropped > 0 {
		fmt.Fprintf(&b, "(%d earlier requests are left out)\n\n", t.dropped)
	}
	b.WriteString(strings.Join(t.exchanges, "\n"))
	return b.String()
}
