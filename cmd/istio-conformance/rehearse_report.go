package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/rehearse/finding"
	"istio-conformance/internal/report"
	"istio-conformance/internal/report/ci"
	"istio-conformance/internal/report/html"
	"istio-conformance/internal/report/junit"
	"istio-conformance/internal/report/markdown"
	"istio-conformance/internal/report/record"
)

// recorder writes the files of a rehearsal, as those of a run of the checks.
func (f *rehearseFlags) recorder(dir, root string, console io.Writer) (*record.Recorder, error) {
	recorder, err := record.New(record.Options{
		Dir: dir, Base: root, RunID: time.Now().UTC().Format("20060102-150405.000"), Out: console,
		Also: append([]report.Output{junit.Output(), markdown.Output(nil)}, append(ci.Outputs(), html.Output(nil))...),
	})
	if err != nil {
		return nil, exitcode.Environmentf("%w", err)
	}
	return recorder, nil
}

// accept takes what is accepted out of what breaks.
func (f *rehearseFlags) accept(found *finding.Report) {
	if found != nil && f.accepted != "" {
		found.Accept(f.taken, time.Now())
	}
}

// record writes the findings as checks, and beside them in their own form.
func (f *rehearseFlags) record(recorder *record.Recorder, found *finding.Report) error {
	f.accept(found)
	recorder.Environment(func(e *report.Environment) {
		e.Istio, e.Kubernetes = found.To, found.Kubernetes
	})
	for _, t := range found.Tests() {
		recorder.StartTest(t.Suite, t.Name)
		recorder.EndTest(t)
	}
	return errors.Join(
		os.WriteFile(filepath.Join(recorder.Dir(), "rehearsal.json"), found.JSON(), 0o644),
		os.WriteFile(filepath.Join(recorder.Dir(), "comment.md"), found.Markdown(), 0o644),
	)
}
