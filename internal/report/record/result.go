package record

import (
	"fmt"
	"path"
	"path/filepath"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

// shownLines bounds each of a failure's messages on the console; all of it is in
// report.json.
const shownLines = 20

// showTest prints a test's one line and, when it failed, all that helps to mend
// it. The caller holds r.mu.
func (r *Recorder) showTest(t report.Test) {
	c := r.console
	switch t.Status {
	case report.Pass:
		c.result(wording.MarkPass, t.ID(), wording.Duration(t.Seconds), "")
	case report.Flaky:
		c.result(wording.MarkWarn, t.ID(), wording.Duration(t.Seconds), "flaky: "+t.Reason)
	case report.Skip:
		c.result(t.SkipMark(), t.ID(), "skip", t.Reason)
	default:
		c.result(wording.MarkFail, t.ID(), wording.Duration(t.Seconds), "")
		r.showFailure(t)
	}
}

func (r *Recorder) showFailure(t report.Test) {
	const indent = 3
	c := r.console
	for _, message := range t.Failures {
		c.block(indent+2, message, shownLines)
	}
	c.field(indent, "reason", t.Reason)
	c.field(indent, "promise", t.Description)
	for _, o := range t.Observed {
		c.field(indent, "observed", o)
	}
	c.field(indent, "cause", t.Diagnosis.Explanation())
	c.field(indent, "fix", t.Diagnosis.Fix)
	c.whole(indent, "link", t.Diagnosis.Link)
	for _, s := range t.Diagnosis.Symptoms {
		c.field(indent, "symptom", s.String())
	}
	c.field(indent, "evidence", r.shownEvidence(t))
	c.whole(indent, "re-run", t.Rerun)
}

// shownEvidence is the one file of the evidence, or its directory and how many
// files are in the list.
func (r *Recorder) shownEvidence(t report.Test) string {
	if len(t.Evidence) == 0 {
		return ""
	}
	if len(t.Evidence) == 1 {
		return r.shown(filepath.Join(r.dir, t.Evidence[0]))
	}
	common := path.Dir(t.Evidence[0])
	for _, e := range t.Evidence {
		for common != "." && !within(common, e) {
			common = path.Dir(common)
		}
	}
	return fmt.Sprintf("%s (%s)", r.shown(filepath.Join(r.dir, common)), wording.Plural(len(t.Evidence), "file"))
}

func within(dir, file string) bool {
	for d := file; d != "."; d = path.Dir(d) {
		if d == dir {
			return true
		}
	}
	return false
}
