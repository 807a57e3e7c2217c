package check

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"istio-conformance/internal/report"
	"istio-conformance/internal/waits"
)

// Failure is what is known of a failed check when its evidence is collected.
type Failure struct {
	// Since is when the check began.
	Since time.Time
	// Said are the failed assertions' messages and what the check observed.
	Said []string
	// Requests are the requests that the check made, with their responses.
	Requests string
}

// Names says whether the failure speaks of something, such as an object's name.
func (f Failure) Names(name string) bool {
	return strings.Contains(strings.Join(f.Said, "\n"), name) || strings.Contains(f.Requests, name)
}

// explain collects a failure's evidence and asks what it shows: what the check says,
// and the catalogue's word behind it.
func (r *Runner) explain(t *T, suite string, c Check, started time.Time, number int) ([]string, report.Diagnosis) {
	ctx, cancel := context.WithTimeout(r.Context, r.Waits.Or(waits.Evidence, evidenceTimeout))
	defer cancel()
	dir := r.Recorder.EvidenceDir(suite, c.Name)
	if number > 1 {
		dir = filepath.Join(dir, fmt.Sprintf("attempt-%d", number))
	}
	failed := Failure{Since: started, Said: slices.Concat(t.failures, t.observed), Requests: t.trace.String()}
	evidence := append(r.Evidence(ctx, dir, failed), t.writePanic(dir)...)
	var diagnosis report.Diagnosis
	if r.Symptoms != nil {
		diagnosis = r.Symptoms(dir, failed)
	}
	return evidence, both(t.own(), diagnosis)
}
