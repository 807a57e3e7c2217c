package record

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

// Bounds that keep the summary on one screen.
const (
	shownFailures = 10
	shownSkips    = 5
	shownWarnings = 5
	shownSlowest  = 3
)

// showSummary prints the end of the run; its last line is the verdict. The
// caller holds r.mu.
func (r *Recorder) showSummary() {
	c, doc, n := r.console, &r.report, report.Count(r.report.Tests)
	c.heading("summary")
	if e := doc.Error; e != nil {
		c.line(" %s %s", c.mark(wording.MarkFail), c.style(bold, doc.Stopped()))
		c.block(3, e.Message, shownLines)
	}
	r.showFailed(doc)
	if over := doc.OverBudget(); over != "" {
		c.item(wording.MarkFail, over)
	}
	showSkipped(c, doc)
	r.showMeasurements(doc)
	showWarnings(c, doc)
	if doc.Error != nil || len(doc.Warnings)+len(doc.Load)+len(doc.Upgrade) > 0 || n.Failed+n.Skipped > 0 || doc.OverBudget() != "" {
		c.line("")
	}
	c.field(0, "checked", doc.Environment.Describe())
	if n.Total > 0 {
		c.field(0, "results", n.String())
	}
	c.field(0, "unjudged", doc.UnjudgedNote())
	for _, t := range doc.Tests {
		if t.Unmeasured {
			c.whole(0, "re-run", t.Rerun)
		}
	}
	c.field(0, "slowest", slowest(doc.Tests))
	c.field(0, "time", times(doc))
	c.field(0, "report", fmt.Sprintf("%s (beside it: %s)", r.shown(filepath.Join(r.dir, report.JSONName)), r.beside()))
	c.line("")
	if n.Total > 0 {
		// Plain, for continuous integration that reads how many checks ran.
		flaky := ""
		if n.Flaky > 0 {
			flaky = fmt.Sprintf(", %d flaky", n.Flaky)
		}
		c.line("%d passed, %d failed, %d skipped%s", n.Passed, n.Failed, n.Skipped, flaky)
		c.line("")
	}
	showVerdict(c, doc)
}

// showVerdict is one line where nobody bounds its width: other programs read it.
func showVerdict(c *console, doc *report.Report) {
	const label = "verdict: "
	color := cmp.Or(map[report.Verdict]string{report.VerdictPass: green, report.VerdictInvalid: yellow}[doc.Verdict], red)
	if doc.PassesUnjudged() {
		color = yellow
	}
	prefix := label
	for _, l := range wording.Wrap(doc.FullVerdict(), c.room(len(label))) {
		c.line("%s", c.style(color, prefix+l))
		prefix = strings.Repeat(" ", len(label))
	}
}

// beside names the files beside report.json.
func (r *Recorder) beside() string {
	var names []string
	for _, also := range r.options.Also {
		names = append(names, also.Name)
	}
	return strings.Join(names, ", ")
}

func showWarnings(c *console, doc *report.Report) {
	for i, w := range doc.Warnings {
		if i == shownWarnings {
			c.line("   and %s more in %s", wording.Plural(len(doc.Warnings)-i, "warning"), report.MarkdownName)
			return
		}
		c.item(wording.MarkWarn, w)
	}
}

func (r *Recorder) showFailed(doc *report.Report) {
	c, shown := r.console, 0
	for _, t := range doc.Tests {
		if t.Status != report.Fail {
			continue
		}
		if shown++; shown > shownFailures {
			c.line("   and %d more in %s", report.Count(doc.Tests).Failed-shownFailures, report.MarkdownName)
			return
		}
		c.line(" %s %s", c.mark(wording.MarkFail), t.ID())
		c.line("     %s", t.Rerun)
	}
}

// showSkipped groups the skipped by reason: one cause often skips many. A measurement
// that decided nothing has a line of its own.
func showSkipped(c *console, doc *report.Report) {
	var reasons []string
	skipped := map[string][]string{}
	for _, t := range doc.Tests {
		if t.Status == report.Skip && doc.LoadOf(t) == nil {
			if skipped[t.Reason] == nil {
				reasons = append(reasons, t.Reason)
			}
			skipped[t.Reason] = append(skipped[t.Reason], t.ID())
		}
	}
	for i, reason := range reasons {
		if i == shownSkips {
			c.line("   and %s more in %s", wording.Plural(len(reasons)-i, "reason"), report.MarkdownName)
			return
		}
		who := skipped[reason][0]
		if n := len(skipped[reason]); n > 1 {
			who = wording.Plural(n, "check") + " skipped"
		}
		c.item(wording.MarkSkip, who+": "+reason)
	}
}

func (r *Recorder) showMeasurements(doc *report.Report) {
	marks := map[report.Verdict]string{report.VerdictPass: wording.MarkPass, report.VerdictFail: wording.MarkFail}
	for _, l := range doc.Load {
		r.console.result(cmp.Or(marks[l.Verdict], wording.MarkWarn), l.ID(), string(l.Verdict), l.Note())
	}
	for _, u := range doc.Upgrade {
		r.console.result(cmp.Or(marks[u.Verdict], wording.MarkWarn), u.Title(), string(u.Verdict), u.Note())
	}
	for _, s := range report.RepeatedUpgrades(doc.Upgrade) {
		r.console.result(cmp.Or(marks[s.Verdict], wording.MarkWarn), s.Name, string(s.Verdict), s.Note())
	}
}

func slowest(tests []report.Test) string {
	ran := slices.DeleteFunc(slices.Clone(tests), func(t report.Test) bool { return t.Status == report.Skip && !t.Unmeasured })
	slices.SortStableFunc(ran, func(a, b report.Test) int { return cmp.Compare(b.Seconds, a.Seconds) })
	var parts []string
	for _, t := range ran[:min(shownSlowest, len(ran))] {
		parts = append(parts, t.ID()+" "+wording.Duration(t.Seconds))
	}
	return strings.Join(parts, ", ")
}

// times are the phases', the tests' and the whole run's.
func times(doc *report.Report) string {
	var parts []string
	for _, p := range doc.Phases {
		parts = append(parts, p.Name+" "+wording.Duration(p.Seconds))
	}
	if len(doc.Tests) > 0 {
		parts = append(parts, "checks "+wording.Duration(wall(doc.Tests).Seconds()))
	}
	return strings.Join(append(parts, "total "+wording.Duration(doc.Finished.Sub(doc.Started).Seconds())), ", ")
}

// wall is how long the tests took together, from the first one's start to the last
// one's end: several run at the same time.
func wall(tests []report.Test) time.Duration {
	var first, last time.Time
	for _, t := range tests {
		if first.IsZero() || t.Started.Before(first) {
			first = t.Started
		}
		if end := t.Started.Add(time.Duration(t.Seconds * float64(time.Second))); end.After(last) {
			last = end
		}
	}
	return last.Sub(first)
}
