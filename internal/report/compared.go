package report

// shownChanges is how many changes of one kind the console names; all of them are
// in summary.md.
const shownChanges = 6

// Compared is how a run stands to an earlier one, its baseline. It changes nothing
// of the verdict.
type Compared struct {
	// With names the baseline, e.g. "run 20261123-021800 (pass)".
	With string
	// Summary is the comparison in one line.
	Summary string
	// Groups are what a reader of the console wants to know first; Markdown is all.
	Groups   []ChangeGroup
	Markdown string
}

// ChangeGroup is a kind of change, such as newly failing, with what changed so.
type ChangeGroup struct {
	Title, Mark string
	Changes     []string
}

// compare compares the report with the baseline; nil where there is none.
func (r *Recorder) compare(doc *Report) *Compared {
	if r.options.Compare == nil {
		return nil
	}
	return r.options.Compare(doc)
}

// showCompared prints how the run stands to its baseline, under a heading of its
// own. The caller holds r.mu.
func (r *Recorder) showCompared(compared *Compared) {
	if compared == nil {
		return
	}
	c := r.console
	c.heading("compared with " + oneLine(compared.With))
	for _, group := range compared.Groups {
		for i, change := range group.Changes {
			if i == shownChanges {
				c.line("   and %d more %s in %s", len(group.Changes)-i, group.Title, markdownName)
				break
			}
			c.item(group.Mark, group.Title+": "+truncate(oneLine(change), 240))
		}
	}
	c.item(markOf(compared), compared.Summary)
}

// markOf is that of the first group: the worst goes first.
func markOf(compared *Compared) string {
	if len(compared.Groups) > 0 {
		return compared.Groups[0].Mark
	}
	return markPass
}
