// Package record takes in what happens during a run: it shows it on the console while
// it happens, and writes report.json and the other outputs.
package record

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

// Options configure a Recorder.
type Options struct {
	// Dir is the directory of all runs, e.g. out; it is created when missing.
	Dir string
	// RunID names this run and its directory: letters, digits, dots, dashes, underscores.
	RunID string
	// Base is what paths on the console are relative to; empty shows them as they are.
	Base string
	// Out is the console; nil is none.
	Out io.Writer
	// Terminal says that Out can overwrite a line.
	Terminal bool
	// Color says that Out may get colours; the caller honours NO_COLOR.
	Color bool
	// Width is the number of columns; 0 is unlimited, and 80 on a terminal.
	Width int
	// Columns returns how wide the terminal is now; nil is Width all the time.
	Columns func() int
	// Timings is the file in which the times of earlier runs are kept, by which the
	// time that is left is estimated; empty is none.
	Timings string
	// Required becomes Report.Required.
	Required []string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Also are written beside report.json.
	Also []report.Output
	// Compare compares the report with an earlier one for the console; nil is none.
	Compare func(doc *report.Report) *report.Compared
}

// Recorder takes in the events of one run. Its methods may be called
// concurrently. Finish ends it.
type Recorder struct {
	options Options
	dir     string
	now     func() time.Time
	stop    chan struct{} // closed by Finish

	mu       sync.Mutex
	console  *console
	report   report.Report
	planned  int
	aborted  bool
	finished bool
	running  []*activity
	frame    int
	// heard is when the console last said something.
	heard time.Time
	past  *past
}

// New creates the run's directory, points Dir/latest at it and starts the console.
func New(o Options) (*Recorder, error) {
	r, err := newRecorder(o)
	if err != nil {
		return nil, err
	}
	go r.tickUntilStopped()
	return r, nil
}

func newRecorder(o Options) (*Recorder, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	dir, err := createRunDir(o.Dir, o.RunID)
	if err != nil {
		return nil, err
	}
	r := &Recorder{
		options: o, dir: dir, now: o.Now, console: newConsole(o),
		stop:   make(chan struct{}),
		report: report.Report{Schema: report.Schema, Run: o.RunID, Started: o.Now(), Required: o.Required},
	}
	r.past, err = readPast(o.Timings)
	r.showTitle()
	if err != nil {
		r.warn(err.Error()) // Only the estimate is lost.
	}
	return r, nil
}

// showTitle prints the first line; the directory is below where it does not fit.
func (r *Recorder) showTitle() {
	const product = "istio-conformance"
	run, dir := "  run "+r.options.RunID, "  "+r.shown(r.dir)
	c := r.console
	if c.width > 0 && utf8.RuneCountInString(product+run+dir) > c.width {
		c.line("%s%s", c.style(bold, product), run)
		c.line(" %s", dir)
		return
	}
	c.line("%s%s%s", c.style(bold, product), run, dir)
}

// Dir returns the run's own directory, Options.Dir/RunID.
func (r *Recorder) Dir() string { return r.dir }

// EvidenceDir returns the directory for what explains a test's outcome. Whoever
// has evidence creates it.
func (r *Recorder) EvidenceDir(suite, name string) string {
	return filepath.Join(r.dir, evidenceName, fileName(suite), fileName(name))
}

// Environment lets set fill in what is known of the environment so far. set must
// not call the Recorder.
func (r *Recorder) Environment(set func(*report.Environment)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	set(&r.report.Environment)
}

// Warn shows and records what a reader must know and what fails no check.
func (r *Recorder) Warn(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.warn(fmt.Sprintf(format, args...))
}

func (r *Recorder) warn(message string) {
	message = wording.OneLine(message)
	r.report.Warnings = append(r.report.Warnings, message)
	r.console.item(wording.MarkWarn, message)
}

// shown is a path as the console shows it.
func (r *Recorder) shown(path string) string {
	if r.options.Base == "" {
		return path
	}
	relative, err := filepath.Rel(r.options.Base, path)
	if err != nil || strings.HasPrefix(relative, "..") {
		return path
	}
	return relative
}
