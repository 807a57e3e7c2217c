package record

import (
	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

// shownChanges is how many changes of one kind the console names; all of them are
// in summary.md.
const shownChanges = 6

// compare compares the report with the baseline; nil where there is none.
func (r *Recorder) compare(doc *report.Report) *report.Compared {
	if r.options.Compare == nil {
		return nil
	}
	return r.options.Compare(doc)
}

// showCompared prints how the run stands to its baseline, under a heading of its
// own. The caller holds r.mu.
func (r *Recorder) showCompared(compared *report.Compared) {
	if compared == nil {
		return
	}
	c := r.console
	c.heading("compared with " + wording.OneLine(compared.With))
	// What differs there is no change for the worse: the summary's mark does not follow it.
	environment := report.ChangeGroup{Title: "environment", Mark: wording.MarkWarn, Changes: compared.Environment}
	for _, group := range append([]report.ChangeGroup{environment}, compared.Groups...) {
		for i, change := range group.Changes {
			if i == shownChanges {
				c.line("   and %d more %s in %s", len(group.Changes)-i, group.Title, report.MarkdownName)
				break
			}
			c.item(group.Mark, group.Title+": "+wording.Truncate(wording.OneLine(change), 240))
		}
	}
	c.item(markOf(compared), compared.Summary)
}

// markOf is that of the first group: the worst goes first.
func markOf(compared *report.Compared) string {
	if len(compared.Groups) > 0 {
		return compared.Groups[0].Mark
	}
	return wording.MarkPass
}
