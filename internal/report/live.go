package report

import (
	"fmt"
	"slices"
	"time"
)

const (
	// spinInterval is how often the live line moves.
	spinInterval = 120 * time.Millisecond
	// patience is how long a console without a live line stays silent before it
	// says that work goes on. It doubles with every such line, up to maxPatience.
	patience    = 8 * time.Second
	maxPatience = time.Minute
)

// spinner are the frames of the live line.
var spinner = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

// activity is a phase or a test that is under way.
type activity struct {
	label string
	// test is the id of the test that it is; empty for a phase.
	test    string
	step    string
	started time.Time
	// heard is when the console last said something about it.
	heard    time.Time
	patience time.Duration
}

func (a *activity) hear(now time.Time) { a.heard, a.patience = now, patience }

// begin makes an activity the one that the live line shows. The caller holds r.mu.
func (r *Recorder) begin(label string) *activity {
	a := &activity{label: label, started: r.now()}
	a.hear(a.started)
	r.running = append(r.running, a)
	r.draw()
	return a
}

// end takes an activity away. The caller holds r.mu.
func (r *Recorder) end(a *activity) {
	r.running = slices.DeleteFunc(r.running, func(other *activity) bool { return other == a })
}

// tickUntilStopped keeps the console alive while nothing happens.
func (r *Recorder) tickUntilStopped() {
	ticker := time.NewTicker(spinInterval)
	defer ticker.Stop()
	for {
		select {
		case <-r.stop:
			return
		case <-ticker.C:
			r.tick()
		}
	}
}

// tick moves the live line; where there is none it says what still goes on once
// nothing was heard of it for a while.
func (r *Recorder) tick() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.console.terminal {
		r.frame++
		r.draw()
		return
	}
	now := r.now()
	for _, a := range r.running {
		if now.Sub(a.heard) < a.patience {
			continue
		}
		step := ""
		if a.step != "" {
			step = " (" + a.step + ")"
		}
		r.console.line("   %s: still working after %s%s", a.label, elapsed(now.Sub(a.started)), step)
		a.heard, a.patience = now, min(2*a.patience, maxPatience)
	}
}

// draw shows the newest activity in the live line. The caller holds r.mu.
func (r *Recorder) draw() {
	if !r.console.terminal || len(r.running) == 0 || r.finished {
		return
	}
	a := r.running[len(r.running)-1]
	text := fmt.Sprintf(" %c %s  %s", spinner[r.frame%len(spinner)], a.label, elapsed(r.now().Sub(a.started)))
	if a.step != "" {
		text += "  " + a.step
	}
	r.console.showLive(text)
}

// name is the test's id or the phase's name.
func (a *activity) name() string {
	if a.test != "" {
		return a.test
	}
	return a.label
}
