package diff

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"istio-conformance/internal/report/markdown"
	"istio-conformance/internal/report/wording"
)

// List is one of the lists with its heading.
type List struct {
	Title, Mark string
	Changes     []Change
	// Urgent lists say how the system under test changed, and what is not known of it any
	// more; the others how the runs differ.
	Urgent bool
}

// Heading is the title at the start of a line.
func (l List) Heading() string { return wording.Capital(l.Title) }

// Lists are the lists, the most urgent first.
func (d *Diff) Lists() []List {
	return []List{
		{"newly failing", "✗", d.NewlyFailing, true}, {"still failing", "✗", d.StillFailing, false}, {"fixed", "✓", d.Fixed, true},
		{"newly flaky", "‼", d.Flaky, true}, {"no longer judged", "‼", d.NoLongerJudged, true}, {"no longer run", "-", d.NoLongerRun, false}, {"slower", "‼", d.Slower, true},
		{"added", "+", d.Added, false}, {"removed", "-", d.Removed, false},
	}
}

// PaceText is the rule by which checks are slower, with how slow the whole run was;
// empty where none is.
func (d *Diff) PaceText() string {
	if len(d.Slower) == 0 {
		return ""
	}
	return fmt.Sprintf("%s (%.2f times).", wording.Capital(Rule), d.Pace)
}

// Summary is the comparison in one line.
func (d *Diff) Summary() string {
	var parts []string
	for _, l := range d.Lists() {
		if len(l.Changes) > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", len(l.Changes), l.Title))
		}
	}
	return cmp.Or(strings.Join(parts, ", "), "nothing changed")
}

// Text is the comparison for a terminal.
func (d *Diff) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s -> %s\n", d.Old, d.New)
	for _, e := range d.Environment {
		fmt.Fprintf(&b, "  %s\n", wording.OneLine(e))
	}
	for _, l := range d.Lists() {
		if len(l.Changes) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n%s\n", l.Title)
		for _, c := range l.Changes {
			fmt.Fprintf(&b, " %s %s%s\n", l.Mark, wording.OneLine(c.ID), behind(c.Detail))
			if c.Rerun != "" {
				fmt.Fprintf(&b, "     %s\n", wording.OneLine(c.Rerun))
			}
		}
	}
	if len(d.Slower) > 0 {
		fmt.Fprintf(&b, "\n%s (%.2f times)\n", Rule, d.Pace)
	}
	fmt.Fprintf(&b, "\n%s\n", d.Summary())
	return b.String()
}

func behind(detail string) string {
	if detail == "" {
		return ""
	}
	return ": " + wording.OneLine(detail)
}

// Markdown is the comparison for a comment or a step summary.
func (d *Diff) Markdown() string {
	var b strings.Builder
	mark := "✓"
	if len(d.NewlyFailing) > 0 {
		mark = "✗"
	}
	fmt.Fprintf(&b, "## %s %s\n\n", mark, d.Summary())
	fmt.Fprintf(&b, "%s to %s.\n\n", markdown.Escape(d.Old.String()), markdown.Escape(d.New.String()))
	d.tables(&b, "###")
	return b.String()
}

// tables writes the environments' differences and a table for each list, below
// headings of a level.
func (d *Diff) tables(b *strings.Builder, level string) {
	for _, e := range d.Environment {
		fmt.Fprintf(b, "- %s\n", markdown.Escape(e))
	}
	for _, l := range d.Lists() {
		if len(l.Changes) == 0 {
			continue
		}
		fmt.Fprintf(b, "\n%s %s\n\n| | Check | |\n|---|---|---|\n", level, l.Heading())
		for _, c := range l.Changes {
			fmt.Fprintf(b, "| %s | %s | %s |\n", l.Mark, markdown.Escape(c.ID), markdown.Escape(c.Detail))
		}
	}
	if len(d.Slower) > 0 {
		fmt.Fprintf(b, "\n%s (%.2f times).\n", markdown.Escape(Rule), d.Pace)
	}
}

// JSON is the comparison for programs.
func (d *Diff) JSON() (string, error) {
	content, err := json.MarshalIndent(d, "", "  ")
	return string(content) + "\n", err
}
