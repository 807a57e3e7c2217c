package report

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
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
	c, doc, n := r.console, &r.report, tally(r.report.Tests)
	c.heading("summary")
	if e := doc.Error; e != nil {
		c.line(" %s %s", c.mark(markFail), c.style(bold, stoppedIn(doc)))
		c.block(3, e.Message, shownLines)
	}
	r.showFailed(doc)
	if over := doc.OverBudget(); over != "" {
		c.item(markFail, over)
	}
	showSkipped(c, doc)
	r.showMeasurements(doc)
	showWarnings(c, doc)
	if doc.Error != nil || len(doc.Warnings)+len(doc.Load)+len(doc.Upgrade) > 0 || n.failed+n.skipped > 0 || doc.OverBudget() != "" {
		c.line("")
	}
	c.field(0, "checked", describe(doc.Environment))
	if n.total > 0 {
		c.field(0, "results", n.String())
	}
	c.field(0, "unjudged", doc.unjudgedNote())
	for _, t := range doc.Tests {
		if t.Unmeasured {
			c.whole(0, "re-run", t.Rerun)
		}
	}
	c.field(0, "slowest", slowest(doc.Tests))
	c.field(0, "time", times(doc))
	c.field(0, "report", fmt.Sprintf("%s (beside it: %s)", r.shown(filepath.Join(r.dir, jsonName)), r.beside()))
	c.line("")
	if n.total > 0 {
		// Plain, for continuous integration that reads how many checks ran.
		flaky := ""
		if n.flaky > 0 {
			flaky = fmt.Sprintf(", %d flaky", n.flaky)
		}
		c.line("%d passed, %d failed, %d skipped%s", n.passed, n.failed, n.skipped, flaky)
		c.line("")
	}
	showVerdict(c, doc)
}

// showVerdict is one line where nobody bounds its width: other programs read it.
func showVerdict(c *console, doc *Report) {
	const label = "verdict: "
	color := cmp.Or(map[Verdict]string{VerdictPass: green, VerdictInvalid: yellow}[doc.Verdict], red)
	if doc.PassesUnjudged() {
		color = yellow
	}
	prefix := label
	for _, l := range wrap(doc.FullVerdict(), c.room(len(label))) {
		c.line("%s", c.style(color, prefix+l))
		prefix = strings.Repeat(" ", len(label))
	}
}

// beside names the files beside report.json.
func (r *Recorder) beside() string {
	names := []string{junitName, markdownName}
	for _, also := range r.options.Also {
		names = append(names, also.Name)
	}
	return strings.Join(names, ", ")
}

func showWarnings(c *console, doc *Report) {
	for i, w := range doc.Warnings {
		if i == shownWarnings {
			c.line("   and %s more in %s", plural(len(doc.Warnings)-i, "warning"), markdownName)
			return
		}
		c.item(markWarn, w)
	}
}

// stoppedIn is the heading of a run's error.
func stoppedIn(doc *Report) string {
	switch {
	case doc.Error.Phase == suitesPhase:
		return "the checks did not run as planned"
	case len(doc.Tests) == 0:
		return "set-up failed in phase " + doc.Error.Phase
	default:
		return "the run failed in phase " + doc.Error.Phase
	}
}

func (r *Recorder) showFailed(doc *Report) {
	c, shown := r.console, 0
	for _, t := range doc.Tests {
		if t.Status != Fail {
			continue
		}
		if shown++; shown > shownFailures {
			c.line("   and %d more in %s", tally(doc.Tests).failed-shownFailures, markdownName)
			return
		}
		c.line(" %s %s", c.mark(markFail), t.ID())
		c.line("     %s", t.Rerun)
	}
}

// showSkipped groups the skipped by reason: one cause often skips many. A measurement
// that decided nothing has a line of its own.
func showSkipped(c *console, doc *Report) {
	var reasons []string
	skipped := map[string][]string{}
	for _, t := range doc.Tests {
		if t.Status == Skip && doc.loadOf(t) == nil {
			if skipped[t.Reason] == nil {
				reasons = append(reasons, t.Reason)
			}
			skipped[t.Reason] = append(skipped[t.Reason], t.ID())
		}
	}
	for i, reason := range reasons {
		if i == shownSkips {
			c.line("   and %s more in %s", plural(len(reasons)-i, "reason"), markdownName)
			return
		}
		who := skipped[reason][0]
		if n := len(skipped[reason]); n > 1 {
			who = plural(n, "check") + " skipped"
		}
		c.item(markSkip, who+": "+reason)
	}
}

func (r *Recorder) showMeasurements(doc *Report) {
	marks := map[Verdict]string{VerdictPass: markPass, VerdictFail: markFail}
	for _, l := range doc.Load {
		r.console.result(cmp.Or(marks[l.Verdict], markWarn), l.ID(), string(l.Verdict), loadNote(l))
	}
	for _, u := range doc.Upgrade {
		r.console.result(cmp.Or(marks[u.Verdict], markWarn), upgradeName(u), string(u.Verdict), upgradeNote(u))
	}
	for _, s := range RepeatedUpgrades(doc.Upgrade) {
		r.console.result(cmp.Or(marks[s.Verdict], markWarn), s.Name, string(s.Verdict), s.Note())
	}
}

// describe is the environment in one line; what is not known is left out.
func describe(e Environment) string {
	if e.Istio == "" && e.Kubernetes == "" {
		return ""
	}
	s := fmt.Sprintf("Istio %s on Kubernetes %s", cmp.Or(e.Istio, "?"), cmp.Or(e.Kubernetes, "?"))
	var more []string
	add := func(known bool, format string, args ...any) {
		if known {
			more = append(more, fmt.Sprintf(format, args...))
		}
	}
	add(e.Nodes > 0, "%s", plural(e.Nodes, "node"))
	add(e.CPUs > 0, "%s", plural(e.CPUs, "CPU"))
	add(e.Images != "", "images: %s", e.Images)
	add(e.Proxy.Version != "", "Envoy %s", e.Proxy.Version)
	add(e.Kernel != "", "kernel %s", e.Kernel)
	add(e.Cgroup != "", "cgroup %s", e.Cgroup)
	if len(more) == 0 {
		return s
	}
	return s + " (" + strings.Join(more, ", ") + ")"
}

func slowest(tests []Test) string {
	ran := slices.DeleteFunc(slices.Clone(tests), func(t Test) bool { return t.Status == Skip && !t.Unmeasured })
	slices.SortStableFunc(ran, func(a, b Test) int { return cmp.Compare(b.Seconds, a.Seconds) })
	var parts []string
	for _, t := range ran[:min(shownSlowest, len(ran))] {
		parts = append(parts, t.ID()+" "+human(t.Seconds))
	}
	return strings.Join(parts, ", ")
}

// times are the phases', the tests' and the whole run's.
func times(doc *Report) string {
	var parts []string
	for _, p := range doc.Phases {
		parts = append(parts, p.Name+" "+human(p.Seconds))
	}
	if len(doc.Tests) > 0 {
		parts = append(parts, "checks "+human(wall(doc.Tests).Seconds()))
	}
	return strings.Join(append(parts, "total "+human(doc.Finished.Sub(doc.Started).Seconds())), ", ")
}

// wall is how long the tests took together, from the first one's start to the last
// one's end: several run at the same time.
func wall(tests []Test) time.Duration {
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
