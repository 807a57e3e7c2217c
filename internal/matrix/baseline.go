package matrix

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

// Change is how a cell stands to the one before.
type Change string

// The changes. Same is the empty one.
const (
	New          Change = "new"
	NewlyFailing Change = "newly failing"
	Fixed        Change = "fixed"
	// MoreFailing cells failed before, but not with each of the checks that fail now.
	MoreFailing Change = "more failing"
	Slower      Change = "slower"
	Gone        Change = "gone"
)

// What counts as slower: by this factor and by this many seconds.
const (
	slowerFactor  = 1.5
	slowerSeconds = 60
)

// ReadReport reads a matrix's report.json.
func ReadReport(path string) (*Report, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("report of a matrix: %w", err)
	}
	var r Report
	if err := json.Unmarshal(content, &r); err != nil {
		return nil, fmt.Errorf("report of a matrix %s: %w", path, err)
	}
	if r.Schema != Schema {
		return nil, fmt.Errorf("report of a matrix %s: it is of schema %q, want %q", path, r.Schema, Schema)
	}
	return &r, nil
}

// Compare says how each cell stands to the matrix whose report.json is at path.
func (r *Report) Compare(path string) error {
	before, err := ReadReport(path)
	if err != nil {
		return err
	}
	r.Baseline = path
	r.compare(before)
	return nil
}

// compare says of each cell how it stands to the baseline's, and which cells of
// the baseline are not there any more.
func (r *Report) compare(baseline *Report) {
	before := map[string]*Outcome{}
	for i := range baseline.Cells {
		before[slot(&baseline.Cells[i])] = &baseline.Cells[i]
	}
	for i := range r.Cells {
		now := &r.Cells[i]
		was := before[slot(now)]
		delete(before, slot(now))
		if was == nil {
			now.Change = New
			continue
		}
		now.NewlyFailing, now.NoLongerFailing = checks(was, now)
		now.Change = change(was, now)
		if now.Change != "" {
			now.Was = fmt.Sprintf("%s in %s", was.Shown(), wording.Duration(was.Seconds))
		}
	}
	for i := range baseline.Cells {
		if was := &baseline.Cells[i]; before[slot(was)] != nil {
			r.Gone = append(r.Gone, was.ID())
		}
	}
}

// slot is what a cell is compared by: minors, so that a new patch takes the place
// of the one before.
func slot(o *Outcome) string {
	row := ""
	if o.Optional {
		row = "pre-release " // beside the releases of its minor
	}
	return row + minor(o.From) + ">" + minor(o.Istio) + "@" + minor(o.Kubernetes)
}

// change compares two outcomes of a cell. What was not run, then or now, is no
// news in itself.
func change(was, now *Outcome) Change {
	switch {
	case bad(now.Status) && !bad(was.Status) && was.Status != Skipped:
		return NewlyFailing
	case bad(was.Status) && good(now.Status) && unmended(was, now):
		return ""
	case bad(was.Status) && good(now.Status):
		return Fixed
	case len(now.NewlyFailing) > 0:
		return MoreFailing
	case good(was.Status) && good(now.Status) && now.Seconds > slowerFactor*was.Seconds && now.Seconds > was.Seconds+slowerSeconds:
		return Slower
	}
	return ""
}

// unmended says that a cell passes because its latency was not judged, which was not
// judged before either or was too high.
func unmended(was, now *Outcome) bool {
	return len(now.Unjudged) > 0 && (was.Status == Invalid || slices.ContainsFunc(was.Failing, now.unjudged) ||
		slices.ContainsFunc(was.Failures, func(f Failure) bool { return now.unjudged(f.Check) }))
}

// unjudged says that what a check measures decided nothing.
func (o *Outcome) unjudged(check string) bool {
	return slices.ContainsFunc(o.Unjudged, func(u report.Unjudged) bool { return u.Measurement == check })
}

// checks compares which checks failed, where both cells ran some.
func checks(was, now *Outcome) (newlyFailing, noLongerFailing []string) {
	if was.Checks == 0 || now.Checks == 0 {
		return nil, nil
	}
	return without(now.Failing, was.Failing), slices.DeleteFunc(without(was.Failing, now.Failing), now.unjudged)
}

// without returns what is in all and not in others.
func without(all, others []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(others, s) })
}

func bad(s Status) bool { return s == Fail || s == Error || s == Invalid }

func good(s Status) bool { return s == Pass || s == Flaky }

// minor returns "v1.36" for "v1.36.3".
func minor(version string) string {
	dots := 0
	for i, c := range version {
		if c == '.' {
			if dots++; dots == 2 {
				return version[:i]
			}
		}
	}
	return version
}
