package main

import (
	"bytes"
	"testing"
	"time"

	"istio-conformance/internal/process/progress"
)

// Where there is no terminal, work that knows how far it is says so in lines.
func TestWorkingSaysHowFarItIs(t *testing.T) {
	var out bytes.Buffer
	w := newWorking(&out)
	ctx, stop := w.watch(t.Context())
	w.show(w.begun) // nothing is under way yet
	done := progress.Show(ctx, func(int) string { return "3/4 packages" })
	w.logf("compiled %s", "a")
	w.show(w.begun.Add(90 * time.Second))
	done()
	w.show(w.begun.Add(2 * time.Minute))
	stop()
	if got, want := out.String(), "compiled a\nstill working after 1m30s  3/4 packages\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

// On a terminal the line is written in place, and gives way to others.
func TestWorkingOnATerminal(t *testing.T) {
	var out bytes.Buffer
	w := &working{out: &out, width: 20, begun: time.Now()}
	w.gauge = func(width int) string { return progress.Bar(0.5, width) }
	w.show(w.begun.Add(5 * time.Second))
	w.logf("done")
	if got, want := out.String(), "\r\033[K5s  [######-------]\r\033[Kdone\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}
