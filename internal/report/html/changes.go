package html

import (
	"strings"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/diff"
	"istio-conformance/internal/report/wording"
)

// changes is how the report stands to its baseline.
type changes struct {
	*diff.Diff
	Groups []changeGroup
}

// changeGroup is a kind of change with what changed so.
type changeGroup struct {
	diff.List
	Rows []change
}

// change is one line of a group.
type change struct {
	diff.Change
	// Anchor is where the page says more of it; empty is nowhere.
	Anchor string
}

// newChanges compares the report with the baseline; nil where there is none.
func newChanges(baseline, doc *report.Report, tests []*test) *changes {
	if baseline == nil {
		return nil
	}
	anchors := map[string]string{}
	for _, t := range tests {
		anchors[t.ID()] = t.Anchor
		if t.Status == report.Fail {
			anchors[t.ID()] = failureAnchor(t.Anchor)
		}
	}
	all := &changes{Diff: diff.Compare(baseline, doc)}
	for _, l := range all.Lists() {
		if len(l.Changes) == 0 {
			continue
		}
		group := changeGroup{List: l}
		for _, c := range l.Changes {
			group.Rows = append(group.Rows, change{c, anchorOf(c.ID, doc, anchors)})
		}
		all.Groups = append(all.Groups, group)
	}
	return all
}

// anchorOf finds where the page speaks of what changed: of a check, or in the
// section of the measurements.
func anchorOf(id string, doc *report.Report, anchors map[string]string) string {
	switch {
	case anchors[id] != "":
		return anchors[id]
	case len(doc.Load) > 0 && strings.HasPrefix(id, "load/"):
		return "load"
	case len(doc.Upgrade) > 0 && strings.HasPrefix(id, "upgrade/"):
		return "upgrade"
	case doc.Error != nil && doc.Error.Phase == id:
		return "error"
	}
	return ""
}

// Sentence is the comparison in one line.
func (c *changes) Sentence() string {
	return wording.Capital(c.Summary()) + "."
}

// Tone is the group's colour class.
func (g changeGroup) Tone() string {
	switch g.Mark {
	case "✗":
		return "fail"
	case "✓":
		return "pass"
	case "‼":
		return "warn"
	}
	return "skip"
}

// Open reports whether the group is shown unfolded: what says something about the
// system under test, and short lists.
func (g changeGroup) Open() bool { return g.Urgent || len(g.Rows) <= 5 }
