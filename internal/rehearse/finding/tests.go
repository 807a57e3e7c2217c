package finding

import (
	"cmp"
	"fmt"
	"strings"

	"istio-conformance/internal/report"
)

// suite is the name under which findings stand among checks.
const suite = "rehearsal"

// Tests are the findings as checks, so that they stand where reports of checks do: what
// breaks has failed, what was looked at has passed, what was not is skipped.
func (r *Report) Tests() []report.Test {
	var all []report.Test
	names := map[string]int{}
	add := func(name string, t report.Test) {
		names[name]++
		if n := names[name]; n > 1 {
			name = fmt.Sprintf("%s #%d", name, n)
		}
		t.Suite, t.Name, t.Assertions = suite, name, 1
		t.Rerun = fmt.Sprintf("make rehearse CAPTURE=mesh.tar.gz FROM=%s TO=%s HOW=%s", r.From, r.To, r.How)
		all = append(all, t)
	}
	for _, f := range r.Findings {
		if f.Level != Breaks {
			add(cmp.Or(f.Object, f.Rule), report.Test{Status: report.Pass, Observed: f.lines()})
			continue
		}
		t := report.Test{Status: report.Fail, Failures: []string{strings.Join(f.lines(), "\n")}}
		if f.Link != "" {
			t.Diagnosis = report.Diagnosis{Cause: f.Explained, Link: f.Link}
		}
		add(cmp.Or(f.Object, f.Rule), t)
	}
	for _, text := range r.Looked {
		add("looked at", report.Test{Status: report.Pass, Observed: []string{text}})
	}
	for _, text := range r.NotLooked {
		add("not looked at", report.Test{Status: report.Skip, Reason: text})
	}
	return all
}

// lines are a finding for people.
func (f *Finding) lines() []string {
	var text strings.Builder
	f.write(&text)
	var all []string
	for line := range strings.SplitSeq(strings.TrimSpace(text.String()), "\n") {
		all = append(all, strings.TrimSpace(line))
	}
	return all
}

// Markdown is what differs as a comment on a pull request.
func (r *Report) Markdown() []byte {
	var text strings.Builder
	fmt.Fprintf(&text, "**Istio %s to %s, %s: %s**\n", r.From, r.To, r.How, r.Verdict)
	cell := strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;", "@", "&#64;").Replace
	rows := 0
	for _, f := range r.Findings {
		if f.Level == Note {
			continue
		}
		if rows == 0 {
			text.WriteString("\n| | object | what | before | after | note |\n|---|---|---|---|---|---|\n")
		}
		rows++
		where := f.Object
		if f.File != "" {
			where += fmt.Sprintf(" (%s:%d)", f.File, f.Line)
		}
		if f.Origin != "" {
			where = f.Object + " (" + f.Origin + ")"
		}
		fmt.Fprintf(&text, "|%s | %s | %s | %s | %s | %s |\n", marks[f.Level], cell(where), cell(followed(f.Field, ": ")+f.Why), cell(f.Before), cell(f.After), cell(f.Explained))
	}
	fmt.Fprintf(&text, "\n%s, %d to look at. Looked at: %s.\n", broken(r.count(Breaks)), r.count(Look), cell(strings.Join(r.Looked, "; ")))
	return []byte(text.String())
}
