package diff

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"istio-conformance/internal/report"
)

// list is one of the lists with its heading.
type list struct {
	title, mark string
	changes     []Change
}

func (d *Diff) lists() []list {
	return []list{
		{"newly failing", "✗", d.NewlyFailing}, {"still failing", "✗", d.StillFailing}, {"fixed", "✓", d.Fixed}, {"newly flaky", "‼", d.Flaky},
		{"no longer run", "-", d.NoLongerRun}, {"slower", "‼", d.Slower}, {"added", "+", d.Added}, {"removed", "-", d.Removed},
	}
}

// Summary is the comparison in one line.
func (d *Diff) Summary() string {
	var parts []string
	for _, l := range d.lists() {
		if len(l.changes) > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", len(l.changes), l.title))
		}
	}
	return cmp.Or(strings.Join(parts, ", "), "nothing changed")
}

// Text is the comparison for a terminal.
func (d *Diff) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s) -> %s (%s)\n", d.Old.Run, d.Old.Verdict, d.New.Run, d.New.Verdict)
	for _, e := range d.Environment {
		fmt.Fprintf(&b, "  %s\n", report.OneLine(e))
	}
	for _, l := range d.lists() {
		if len(l.changes) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n%s\n", l.title)
		for _, c := range l.changes {
			fmt.Fprintf(&b, " %s %s%s\n", l.mark, report.OneLine(c.ID), behind(c.Detail))
			if c.Rerun != "" {
				fmt.Fprintf(&b, "     %s\n", report.OneLine(c.Rerun))
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
	return ": " + report.OneLine(detail)
}

// Markdown is the comparison for a comment or a step summary.
func (d *Diff) Markdown() string {
	var b strings.Builder
	mark := "✓"
	if len(d.NewlyFailing) > 0 {
		mark = "✗"
	}
	fmt.Fprintf(&b, "## %s %s\n\n", mark, d.Summary())
	fmt.Fprintf(&b, "%s (%s) to %s (%s).\n\n", report.EscapeMarkdown(d.Old.Run), d.Old.Verdict, report.EscapeMarkdown(d.New.Run), d.New.Verdict)
	for _, e := range d.Environment {
		fmt.Fprintf(&b, "- %s\n", report.EscapeMarkdown(e))
	}
	for _, l := range d.lists() {
		if len(l.changes) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n### %s%s\n\n| | Check | |\n|---|---|---|\n", strings.ToUpper(l.title[:1]), l.title[1:])
		for _, c := range l.changes {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", l.mark, report.EscapeMarkdown(c.ID), report.EscapeMarkdown(c.Detail))
		}
	}
	if len(d.Slower) > 0 {
		fmt.Fprintf(&b, "\n%s (%.2f times).\n", report.EscapeMarkdown(Rule), d.Pace)
	}
	return b.String()
}

// JSON is the comparison for programs.
func (d *Diff) JSON() (string, error) {
	content, err := json.MarshalIndent(d, "", "  ")
	return string(content) + "\n", err
}
