package kernelprobe

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// marks are how a status looks in text.
var marks = map[Status]string{OK: "✓", Failed: "✗", Unused: "–", Blocked: "·", CannotTell: "?", Warn: "‼"}

// WriteText writes the report for people: a line for each finding, and below what
// is not well why, what users meet, and what to do.
func (r *Report) WriteText(w io.Writer) error {
	t := &text{w: w}
	t.line("Linux %s, judged for %s", r.Release, r.Uses)
	if r.Obstacle != "" {
		t.line("cannot tell: %s: nothing could be tried, and only what the kernel says about itself is known", r.Obstacle)
	}
	if r.Backend != "" {
		t.line("Istio would choose the %s backend of iptables", r.Backend)
	}
	for _, tool := range r.Tools {
		t.line("tried with %s: %s", tool.Path, tool.Version)
	}
	if len(r.AutoLoaded) > 0 {
		t.line("the kernel loaded by itself for this: %s", strings.Join(r.AutoLoaded, " "))
	}
	t.line("\nModules and what they are for")
	t.findings(r.Requirements)
	t.line("\nSettings and limits")
	t.findings(r.Settings)
	t.line("\nParts of Istio")
	for _, v := range r.Parts {
		t.line(" %s %s", map[Verdict]string{Pass: "✓", Fail: "✗", Inconclusive: "?"}[v.Verdict], v)
	}
	t.line("\nverdict: %s", r.Verdict)
	return t.err
}

// String says whether the part works.
func (v PartVerdict) String() string {
	text := v.Part.Title()
	if !v.Used {
		text += " (not in use here)"
	}
	switch v.Verdict {
	case Fail:
		return text + ": broken by " + strings.Join(v.Because, ", ")
	case Inconclusive:
		return text + ": cannot tell, not tried: " + strings.Join(v.Because, ", ")
	}
	return text
}

// text writes lines until the first error.
type text struct {
	w   io.Writer
	err error
}

func (t *text) line(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.w, format+"\n", args...)
	}
}

// findings writes a table, and then the details of what is not well.
func (t *text) findings(findings []Finding) {
	table := tabwriter.NewWriter(t.w, 0, 0, 2, ' ', 0)
	for _, f := range findings {
		state := string(f.State)
		if f.State == None && f.Probes != nil {
			state = "-"
		}
		if _, err := fmt.Fprintf(table, " %s %s\t%s\t%s\n", marks[f.Status], f.Name, state, f.summary()); err != nil && t.err == nil {
			t.err = err
		}
	}
	if err := table.Flush(); err != nil && t.err == nil {
		t.err = err
	}
	for _, f := range findings {
		if f.Status == Failed {
			t.failure(&f)
		}
	}
}

// summary says in one line how a finding came about.
func (f *Finding) summary() string {
	switch {
	case f.Status == OK && f.Probes == nil:
		return f.Reason
	case f.Status == OK && f.State == Missing:
		return fmt.Sprintf("works without: %s (%s)", strings.Join(f.worked(), ", "), f.Evidence)
	case f.Status == OK && f.State == None:
		return "works: " + strings.Join(f.worked(), ", ")
	case f.Status == OK:
		return fmt.Sprintf("works: %s (%s)", strings.Join(f.worked(), ", "), f.Evidence)
	case f.Evidence == "" || strings.Contains(f.Reason, f.Evidence):
		return f.Reason
	}
	return fmt.Sprintf("%s (%s)", f.Reason, f.Evidence)
}

// worked names the probes that were seen to work.
func (f *Finding) worked() []string {
	var names []string
	for name, result := range f.Probes {
		if result.Status == "works" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (t *text) failure(f *Finding) {
	t.line("\n ✗ %s", f.Name)
	t.line("     seen        %s", f.Reason)
	t.line("     cause       %s", f.Diagnosis.Cause)
	if f.Diagnosis.Message != "" {
		t.line("     users see   %s", f.Diagnosis.Message)
	}
	t.line("     fix         %s", f.Diagnosis.Fix)
	t.line("     link        %s", f.Diagnosis.Link)
}
