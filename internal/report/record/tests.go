package record

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

// Plan says how many tests the run is going to have. A run that ends with fewer
// is an error.
func (r *Recorder) Plan(total int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.planned = total
}

// AllowFlakes says that failed checks are tried again so many times, and how many
// may be flaky then before the run fails.
func (r *Recorder) AllowFlakes(retries, budget int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Retries = &report.Retries{PerCheck: retries, FlakeBudget: budget}
}

// StartTest says that a test begins; EndTest must follow.
func (r *Recorder) StartTest(suite, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := report.Test{Suite: wording.OneLine(suite), Name: wording.OneLine(name)}.ID()
	r.console.heading(wording.OneLine(suite))
	a := r.begin(r.position() + id)
	a.test = id
	r.past.start()
}

// position is e.g. "[3/14] ", or "" while the number of tests is unknown.
func (r *Recorder) position() string {
	if r.planned == 0 {
		return ""
	}
	return fmt.Sprintf("[%d/%d] ", len(r.report.Tests)+1, r.planned)
}

// EndTest records and shows a test's outcome. An outcome that the contract does
// not allow, such as a pass without an assertion, becomes a failure that says so.
func (r *Recorder) EndTest(t report.Test) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t = r.normalised(t)
	for _, a := range r.running {
		if a.test == t.ID() {
			r.end(a)
			if t.Started.IsZero() {
				t.Started = a.started
			}
			break
		}
	}
	if t.Started.IsZero() {
		t.Started = r.now()
	}
	if slices.ContainsFunc(r.report.Tests, func(other report.Test) bool { return other.ID() == t.ID() }) {
		r.warn(fmt.Sprintf("%s reported a second outcome (%s): only the first one counts", t.ID(), t.Status))
		r.fail(report.SuitesPhase, t.ID()+" ran twice in one run")
		return
	}
	r.report.Tests = append(r.report.Tests, t)
	r.heard = r.now()
	r.console.heading(t.Suite)
	r.showTest(t)
	r.draw()
}

// normalised returns the test with clean texts and as the contract allows it.
func (r *Recorder) normalised(t report.Test) report.Test {
	for _, s := range []*string{&t.Suite, &t.Name, &t.Description, &t.Reason, &t.Rerun, &t.Diagnosis.Cause, &t.Diagnosis.Fix, &t.Diagnosis.Link} {
		*s = wording.OneLine(*s)
	}
	t.Diagnosis.Normalise()
	t.Failures = wording.CleanAll(t.Failures)
	t.Observed = wording.CleanAll(t.Observed)
	t.Seconds = max(0, wording.Round(t.Seconds))
	t.Attempts = max(1, t.Attempts)
	t.Rerun = cmp.Or(t.Rerun, "make e2e RUN="+t.ID())
	t.Evidence = r.relativeEvidence(t)
	if why := t.Broken(); why != "" {
		t.Status = report.Fail
		t.Failures = append(t.Failures, why)
	}
	if t.Status == report.Pass && t.Attempts > 1 {
		t.Status = report.Flaky
	}
	if t.Status == report.Flaky {
		t.Attempts = max(2, t.Attempts)
		t.Reason = cmp.Or(t.Reason, fmt.Sprintf("passed at attempt %d", t.Attempts))
	}
	return t
}

// relativeEvidence returns the evidence relative to the run's directory, and
// warns of what lies outside of it: a report must stay whole when it is moved.
func (r *Recorder) relativeEvidence(t report.Test) []string {
	paths := make([]string, 0, len(t.Evidence))
	for _, path := range t.Evidence {
		if relative, err := filepath.Rel(r.dir, path); err == nil && filepath.IsLocal(relative) {
			path = relative
		}
		if !filepath.IsLocal(path) {
			r.warn(fmt.Sprintf("%s: evidence %s lies outside of %s and is left out", t.ID(), path, r.shown(r.dir)))
			continue
		}
		paths = append(paths, filepath.ToSlash(path))
	}
	return paths
}
