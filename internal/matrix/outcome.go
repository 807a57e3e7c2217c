package matrix

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/report"
)

// Status is what became of a cell.
type Status string

// How people read a cell that passes and says nothing about its latency. No report has
// these as a status.
const (
	passUnjudged  = Pass + " (" + report.NotJudged + ")"
	flakyUnjudged = Flaky + " (" + report.NotJudged + ")"
)

// The outcomes of a cell.
const (
	Pass Status = "pass"
	Fail Status = "fail"
	// Flaky is a pass with a check that held only at a later attempt.
	Flaky Status = "flaky"
	// Skipped cells were not run; the reason says why.
	Skipped Status = "skipped"
	// Illegal cells are refused by Istio's support table. One that was run to prove
	// it and was not refused is a failure.
	Illegal Status = "illegal"
	// Invalid cells measured nothing that can be judged.
	Invalid Status = "invalid"
	// Error cells say nothing about Istio: their environment could not be built.
	Error Status = "error"
)

// Outcome is a cell with what became of it.
type Outcome struct {
	Cell
	Status Status `json:"status"`
	// Reason is why the status is not pass.
	Reason   string    `json:"reason,omitempty"`
	Started  time.Time `json:"started,omitzero"`
	Seconds  float64   `json:"seconds"`
	ExitCode int       `json:"exitCode"`
	// RanOn is the version of Kubernetes that the cell ran on, where its node image
	// brought another one than the cell's.
	RanOn string `json:"ranOn,omitempty"`
	// Report is the cell's report.json, and Log what its process printed, relative
	// to the matrix's own report; empty where there is none.
	Report string `json:"report,omitempty"`
	Log    string `json:"log,omitempty"`
	// Checks and Failed count the cell's checks; Failing are those that did not hold.
	Checks  int      `json:"checks"`
	Failed  int      `json:"failed"`
	Failing []string `json:"failing,omitempty"`
	// Unjudged are the cell's measurements of latency that decided nothing. A cell that
	// passes with some says nothing about its latency.
	Unjudged []report.Unjudged `json:"unjudged,omitempty"`
	// Failures say of each check and measurement that failed why.
	Failures []Failure `json:"failures,omitempty"`
	// Change is how the status stands to the baseline's.
	Change Change `json:"change,omitempty"`
	// Was describes the baseline's outcome, where it differs.
	Was string `json:"was,omitempty"`
	// NewlyFailing are checks that fail and did not in the baseline's cell,
	// NoLongerFailing the other way round. Empty where one of the two did not run.
	NewlyFailing    []string `json:"newlyFailing,omitempty"`
	NoLongerFailing []string `json:"noLongerFailing,omitempty"`
}

// Shown is the status as people read it: what passes and says nothing about its latency
// does not look like what passes.
func (o *Outcome) Shown() Status {
	switch {
	case len(o.Unjudged) == 0:
	case o.Status == Pass:
		return passUnjudged
	case o.Status == Flaky:
		return flakyUnjudged
	}
	return o.Status
}

// planned is the outcome of a cell before it is run.
func planned(c *Cell) Outcome {
	o := Outcome{Cell: *c, Status: Skipped, Reason: "it was not run"}
	if !c.Run {
		o.Status, o.Reason = Illegal, c.Why
	}
	return o
}

// newest reads the report of the last run in a cell's directory, and returns the
// name of that run's directory. A copy of it may have lost its link "latest".
func newest(dir string) (found *report.Report, run string, err error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*", "report.json"))
	if err != nil {
		return nil, "", err
	}
	if len(paths) == 0 {
		return nil, "", fmt.Errorf("there is no */report.json in %s", dir)
	}
	for _, path := range paths {
		r, err := readReport(path)
		if err != nil {
			return nil, "", err
		}
		name := filepath.Base(filepath.Dir(path))
		if found == nil || r.Started.After(found.Started) || run == "latest" && r.Run == found.Run {
			found, run = r, name
		}
	}
	return found, run, nil
}

// readReport reads a cell's report.json.
func readReport(path string) (*report.Report, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var r report.Report
	if err := json.Unmarshal(content, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if r.Schema != report.Schema {
		return nil, fmt.Errorf("%s is of schema %q, want %q", path, r.Schema, report.Schema)
	}
	return &r, nil
}

// take judges a cell by its process's status and its report. The two must agree:
// a report that says pass of a process that failed is not believed.
func (o *Outcome) take(code int, r *report.Report, problem error) {
	o.ExitCode = code
	if !o.Legal() {
		o.takeIllegal(code)
		return
	}
	if r == nil {
		o.Status, o.Reason = Error, fmt.Sprintf("ended with status %d and without a report: %v", code, problem)
		return
	}
	o.tests(r)
	o.Seconds = r.Finished.Sub(r.Started).Seconds()
	o.RanOn = ""
	if r.Environment.KubernetesAsked != "" {
		o.RanOn = r.Environment.Kubernetes
	}
	asked := cmp.Or(r.Environment.KubernetesAsked, r.Environment.Kubernetes)
	switch {
	case r.Environment.Istio != "" && r.Environment.Istio != o.Istio, asked != "" && asked != o.Kubernetes:
		o.Status, o.Reason = Error, fmt.Sprintf("its report is of Istio %s on Kubernetes %s", r.Environment.Istio, asked)
	case r.Environment.Helm != "" && !strings.HasPrefix(r.Environment.Helm, cmp.Or(o.Helm, helm3)+"."):
		o.Status, o.Reason = Error, fmt.Sprintf("its report is of Helm %s", r.Environment.Helm)
	case code >= 0 && r.Verdict.ExitStatus(code) != code:
		o.Status, o.Reason = Error, fmt.Sprintf("ended with status %d, and its report says %s", code, r.Verdict)
	case r.Verdict == report.VerdictPass:
		if o.Status = Pass; o.Reason != "" {
			o.Status = Flaky
		}
	case r.Verdict == report.VerdictFail:
		o.Status, o.Reason = Fail, reason(r)
	case r.Verdict == report.VerdictInvalid:
		o.Status, o.Reason = Invalid, whyInvalid(r)
	default:
		o.Status, o.Reason = Error, "its environment could not be built"
		if r.Error != nil {
			o.Reason = r.Error.Phase + ": " + r.Error.Message
		}
	}
}

// takeIllegal judges a cell that was run to prove that it is refused: by status
// exitcode.Usage, before anything is touched.
func (o *Outcome) takeIllegal(code int) {
	o.Status, o.Reason = Illegal, "refused as predicted: "+o.Why
	if code != exitcode.Usage {
		o.Status, o.Reason = Fail, fmt.Sprintf("should have been refused (%s), and ended with status %d", o.Why, code)
	}
}

// tests counts the report's checks. A flaky one is a reason.
func (o *Outcome) tests(r *report.Report) {
	o.Failing, o.Failed, o.Checks, o.Reason, o.Failures, o.Unjudged = nil, 0, len(r.Tests), "", failuresOf(r), r.Unjudged
	for _, t := range r.Tests {
		switch t.Status {
		case report.Fail:
			o.Failed++
			o.Failing = append(o.Failing, t.ID())
		case report.Flaky:
			o.Reason = "flaky: " + t.ID()
		}
	}
}
