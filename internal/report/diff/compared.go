package diff

import (
	"fmt"
	"strings"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/markdown"
	"istio-conformance/internal/report/wording"
)

// Against returns what compares a run's report with a baseline, as
// record.Options.Compare wants it; nil without a baseline.
func Against(baseline *report.Report) func(*report.Report) *report.Compared {
	if baseline == nil {
		return nil
	}
	return func(doc *report.Report) *report.Compared { return Compare(baseline, doc).compared() }
}

// compared is the comparison for the end of a run.
func (d *Diff) compared() *report.Compared {
	all := &report.Compared{With: d.With(), Summary: d.Summary(), Environment: d.Environment, Markdown: d.section()}
	for _, l := range d.Lists() {
		if !l.Urgent || len(l.Changes) == 0 {
			continue
		}
		group := report.ChangeGroup{Title: l.Title, Mark: l.Mark}
		for _, c := range l.Changes {
			group.Changes = append(group.Changes, wording.OneLine(c.ID)+behind(c.Detail))
		}
		all.Groups = append(all.Groups, group)
	}
	return all
}

// With names the baseline.
func (d *Diff) With() string { return "run " + d.Old.String() }

// section is the comparison as a part of a larger document in Markdown.
func (d *Diff) section() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### Compared with %s\n\n%s.\n\n", markdown.Escape(d.With()), wording.Capital(d.Summary()))
	d.tables(&b, "####")
	return b.String()
}
