package record

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"istio-conformance/internal/process/progress"
	"istio-conformance/internal/report/wording"
)

const (
	// spinInterval is how often the live line moves.
	spinInterval = 120 * time.Millisecond
	// patience is how long a console without a live line stays silent before it
	// says what is under way.
	patience = time.Minute
	// shownRunning is how many of the running checks a line names at most.
	shownRunning = 4
)

// spinner are the frames of the live line.
var spinner = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

// activity is a phase or a test that is under way.
type activity struct {
	label string
	// test is the id of the test that it is; empty for a phase.
	test    string
	step    string
	gauge   progress.Gauge
	started time.Time
}

// begin makes an activity one that the live line shows. The caller holds r.mu.
func (r *Recorder) begin(label string) *activity {
	a := &activity{label: label, started: r.now()}
	r.running = append(r.running, a)
	r.heard = a.started
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
	if now := r.now(); len(r.running) > 0 && now.Sub(r.heard) >= patience {
		r.heard = now
		r.console.line("   %s", r.stillWorking(now))
	}
}

// stillWorking says what goes on, for a console without a live line.
func (r *Recorder) stillWorking(now time.Time) string {
	if len(r.running) > 1 {
		return "still working: " + r.work(now, 0)
	}
	a := r.running[0]
	text := fmt.Sprintf("%s: still working after %s", a.label, wording.Elapsed(now.Sub(a.started)))
	if a.gauge != nil {
		return text + "  " + a.gauge(0)
	}
	if a.step != "" {
		text += " (" + a.step + ")"
	}
	return text + r.leftNote(now)
}

// draw shows what goes on in the live line. The caller holds r.mu.
func (r *Recorder) draw() {
	if !r.console.terminal || len(r.running) == 0 || r.finished {
		return
	}
	if r.options.Columns != nil {
		if width := r.options.Columns(); width > 0 {
			r.console.width = width // The window may have changed.
		}
	}
	r.console.showLive(fmt.Sprintf(" %c %s", spinner[r.frame%len(spinner)], r.work(r.now(), r.console.width-4)))
}

// work is what goes on in one line of at most width characters: the newest first,
// because the others were named before; 0 is any width.
func (r *Recorder) work(now time.Time, width int) string {
	left := r.leftNote(now)
	if len(r.running) == 1 {
		a := r.running[0]
		text := fmt.Sprintf("%s  %s", a.label, wording.Elapsed(now.Sub(a.started)))
		if a.gauge != nil {
			return text + "  " + a.gauge(max(0, width-2-utf8.RuneCountInString(text)))
		}
		if a.step != "" {
			text += "  " + a.step
		}
		return fit(text, left, width)
	}
	head := ""
	if r.planned > 0 {
		head = fmt.Sprintf("[%d/%d] ", len(r.report.Tests), r.planned)
	}
	var text string
	for shown := min(shownRunning, len(r.running)); shown > 0; shown-- {
		var parts []string
		for i := range shown {
			a := r.running[len(r.running)-1-i]
			parts = append(parts, fmt.Sprintf("%s %s", a.name(), wording.Elapsed(now.Sub(a.started))))
		}
		text = head + strings.Join(parts, ", ")
		if more := len(r.running) - shown; more > 0 {
			text += fmt.Sprintf(", %d more", more)
		}
		if width <= 0 || utf8.RuneCountInString(text+left) <= width {
			break
		}
	}
	return fit(text, left, width)
}

// fit puts the note behind the text, which gives way to it.
func fit(text, note string, width int) string {
	room := width - utf8.RuneCountInString(note)
	switch {
	case width <= 0:
		return text + note
	case room < 16:
		return wording.Truncate(text, width) // A very narrow window: what goes on matters more.
	}
	return wording.Truncate(text, room) + note
}

// name is the test's id or the phase's name.
func (a *activity) name() string {
	if a.test != "" {
		return a.test
	}
	return a.label
}
