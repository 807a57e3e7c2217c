package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

// Abort says that the run cannot go on: the verdict becomes error. phase names
// where it stopped. The first call counts, and goes before what a phase itself
// reported by Done.
func (r *Recorder) Abort(err error, phase string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.aborted {
		return
	}
	if err == nil {
		err = errors.New("stopped without an error")
	}
	r.aborted = true
	r.report.Error = &report.RunError{Phase: wording.OneLine(phase), Message: wording.Clean(err.Error())}
}

// fail makes the verdict error, unless it is already. The caller holds r.mu.
func (r *Recorder) fail(phase, message string) {
	if r.report.Error == nil {
		r.report.Error = &report.RunError{Phase: phase, Message: message}
	}
}

// Finish ends the run; what comes after it is not recorded. It derives the verdict,
// writes the files and shows the summary. An error means that the console or a file
// could not be written; the verdict is VerdictError when it was a file. Further calls
// return the same verdict.
func (r *Recorder) Finish() (report.Verdict, error) {
	r.mu.Lock()
	if r.finished {
		defer r.mu.Unlock()
		return r.report.Verdict, nil
	}
	r.showUnended()
	if r.snapshot().Verdict != report.VerdictError {
		if err := r.past.save(&r.report); err != nil {
			r.warn(err.Error())
		}
	}
	r.report = r.snapshot()
	r.finished = true
	r.running = nil
	err := r.write(r.report)
	if err != nil {
		r.fail("report", wording.Clean(err.Error()))
		r.report.Verdict = report.VerdictError
	}
	r.showCompared(r.compare(&r.report))
	r.showSummary()
	err = errors.Join(err, r.console.err)
	verdict := r.report.Verdict
	r.console.out = io.Discard // The verdict is the last line.
	r.mu.Unlock()
	close(r.stop)
	return verdict, err
}

// showUnended shows what an interrupt or a panic has cut off.
func (r *Recorder) showUnended() {
	for _, a := range r.running {
		if a.test == "" {
			r.phaseHeading()
		}
		r.console.result(wording.MarkFail, a.name(), wording.Duration(wording.Seconds(r.now().Sub(a.started))), "did not end")
	}
}

// Flush writes what is known so far, e.g. at an interrupt. Until Finish, the
// verdict on disk is error: a part of a run is never a pass.
func (r *Recorder) Flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.finished {
		return nil
	}
	return r.write(r.snapshot())
}

// snapshot returns the report as it would be if the run ended now.
func (r *Recorder) snapshot() report.Report {
	doc := r.report
	now := r.now()
	doc.Phases = slices.Clone(doc.Phases)
	for _, a := range r.running {
		if a.test == "" {
			doc.Phases = append(doc.Phases, report.PhaseTime{Name: a.label, Started: a.started, Seconds: wording.Seconds(now.Sub(a.started)), Error: "did not end"})
		}
	}
	doc.Unjudged = report.FindUnjudged(doc.Load)
	if doc.Error == nil {
		doc.Error = r.incomplete(&doc)
	}
	doc.Finished = now
	doc.Verdict = report.Derive(&doc)
	return filled(doc)
}

// incomplete says what of the run is missing, or returns nil when nothing is. doc is
// what there is of it.
func (r *Recorder) incomplete(doc *report.Report) *report.RunError {
	ran := len(doc.Tests)
	if len(r.running) > 0 {
		cut := r.running[0]
		if cut.test == "" {
			return &report.RunError{Phase: cut.label, Message: "the phase did not end"}
		}
		return &report.RunError{Phase: report.SuitesPhase, Message: "the run ended during " + cut.test}
	}
	if ran < r.planned {
		return &report.RunError{Phase: report.SuitesPhase, Message: fmt.Sprintf("only %d of %d checks ran", ran, r.planned)}
	}
	if empty := report.Emptiness(doc); empty != "" {
		return &report.RunError{Phase: report.SuitesPhase, Message: empty}
	}
	return nil
}

// filled returns the report with empty arrays in place of null, and times in UTC
// to the millisecond.
func filled(r report.Report) report.Report {
	r.Started = r.Started.UTC().Truncate(time.Millisecond)
	r.Finished = r.Finished.UTC().Truncate(time.Millisecond)
	r.Environment.Proxy.Extensions = orEmpty(r.Environment.Proxy.Extensions)
	if r.Environment.Digests == nil {
		r.Environment.Digests = map[string]string{}
	}
	r.Phases, r.Tests, r.Warnings = orEmpty(r.Phases), slices.Clone(orEmpty(r.Tests)), orEmpty(r.Warnings)
	r.Load, r.Upgrade = orEmpty(r.Load), orEmpty(r.Upgrade)
	r.Phases = slices.Clone(r.Phases)
	for i := range r.Phases {
		if !r.Phases[i].Started.IsZero() {
			r.Phases[i].Started = r.Phases[i].Started.UTC().Truncate(time.Millisecond)
		}
	}
	for i := range r.Tests {
		r.Tests[i].Started = r.Tests[i].Started.UTC().Truncate(time.Millisecond)
	}
	return r
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// write writes every file of the report, also when one of them cannot be.
func (r *Recorder) write(doc report.Report) error {
	content, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", report.JSONName, err)
	}
	err = writeFile(filepath.Join(r.dir, report.JSONName), append(content, '\n'))
	for _, also := range r.options.Also {
		content, renderErr := also.Render(&doc, r.dir)
		if renderErr != nil {
			err = errors.Join(err, fmt.Errorf("write %s: %w", also.Name, renderErr))
			continue
		}
		err = errors.Join(err, writeFile(filepath.Join(r.dir, also.Name), content))
	}
	return err
}
