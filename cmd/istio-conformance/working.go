package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"istio-conformance/internal/process/progress"
)

// How often long work says how far it is: in a line of a terminal, and elsewhere in a
// line of its own.
const (
	inPlace = time.Second
	inLines = time.Minute
)

// working shows how far long work is.
type working struct {
	out io.Writer
	// width is how wide the terminal is; 0 where out is none.
	width int
	begun time.Time

	mu    sync.Mutex
	gauge progress.Gauge
}

func newWorking(out io.Writer) *working {
	w := &working{out: out, begun: time.Now()}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			w.width = width
		}
	}
	return w
}

// watch returns a context by which work hands over its gauges, which are shown until
// stop is called.
func (w *working) watch(ctx context.Context) (_ context.Context, stop func()) {
	every := inLines
	if w.width > 0 {
		every = inPlace
	}
	ticker, ended, stopped := time.NewTicker(every), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-ended:
				return
			case now := <-ticker.C:
				w.show(now)
			}
		}
	}()
	ctx = progress.WithGauges(ctx, func(g progress.Gauge) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.gauge = g
	})
	return ctx, func() {
		ticker.Stop()
		close(ended)
		<-stopped
	}
}

// show says how far the work is, if it is one that knows.
func (w *working) show(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gauge == nil {
		return
	}
	after := now.Sub(w.begun).Round(time.Second)
	if w.width > 0 {
		text := after.String() + "  "
		fmt.Fprintf(w.out, "\r\033[K%s%s", text, w.gauge(w.width-1-len(text)))
		return
	}
	fmt.Fprintf(w.out, "still working after %s  %s\n", after, w.gauge(0))
}

// logf writes a line of its own.
func (w *working) logf(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.width > 0 {
		fmt.Fprint(w.out, "\r\033[K")
	}
	fmt.Fprintf(w.out, format+"\n", args...)
}
