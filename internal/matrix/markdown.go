package matrix

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/report/wording"
)

// marks are how a status looks in the grid.
var marks = map[Status]string{
	passUnjudged: "⚠️ " + string(passUnjudged), flakyUnjudged: "⚠️ " + string(flakyUnjudged),
	Pass: "✅ pass", Fail: "❌ fail", Flaky: "⚠️ flaky", Skipped: "⏭️ skipped", Illegal: "🚫 illegal", Invalid: "❔ invalid", Error: "💥 error",
}

// Markdown is the matrix for people: the grid, what changed, and what is not as
// it should be.
func (r *Report) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "## Matrix: %s", r.Verdict)
	if but := r.But(); but != "" {
		fmt.Fprintf(&b, " (%s)", but)
	}
	b.WriteString("\n\n")
	fmt.Fprintf(&b, "%d cells from source %s, %s to %s\n\n", len(r.Cells), r.Source, r.Started.UTC().Format(time.RFC3339), r.Finished.UTC().Format(time.RFC3339))
	r.grid(&b)
	r.changes(&b)
	r.troubles(&b)
	return b.String()
}

// grid is a table of Istio against Kubernetes.
func (r *Report) grid(b *strings.Builder) {
	rows, columns, at := r.table(func(*Outcome) bool { return true })
	fmt.Fprintf(b, "| |%s\n|---|%s\n", strings.Join(each(columns, func(c string) string { return " " + c + " |" }), ""), strings.Repeat("---|", len(columns)))
	for _, row := range rows {
		fmt.Fprintf(b, "| **%s** |", row)
		for _, column := range columns {
			o := at[row+column]
			if o == nil {
				b.WriteString(" |")
				continue
			}
			fmt.Fprintf(b, " %s |", o.short())
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
}

// table puts the cells that are wanted into rows and columns; at has them by both
// names together.
func (r *Report) table(wanted func(*Outcome) bool) (rows, columns []string, at map[string]*Outcome) {
	at = map[string]*Outcome{}
	for i := range r.Cells {
		o := &r.Cells[i]
		if !wanted(o) {
			continue
		}
		if !slices.Contains(rows, o.Row()) {
			rows = append(rows, o.Row())
		}
		if !slices.Contains(columns, o.Kubernetes) {
			columns = append(columns, o.Kubernetes)
		}
		at[o.Row()+o.Kubernetes] = o
	}
	return rows, columns, at
}

// short is a cell of the grid.
func (o *Outcome) short() string {
	text := marks[o.Shown()]
	if o.Report != "" {
		text = fmt.Sprintf("[%s](%s)", text, strings.TrimSuffix(o.Report, "report.json")+"summary.md")
	}
	if o.Checks > 0 {
		text += fmt.Sprintf(" %d/%d", o.Checks-o.Failed, o.Checks)
	}
	if o.RanOn != "" {
		text += " on " + o.RanOn
	}
	if o.Seconds > 0 {
		text += fmt.Sprintf(", %s", (time.Duration(o.Seconds) * time.Second))
	}
	if o.Change != "" {
		text += fmt.Sprintf(" **%s**", o.Change)
	}
	if o.Standing == istio.Unknown {
		text += ", support unknown"
	}
	return text
}

// changeKinds are the changes in the order in which they are told.
var changeKinds = []Change{NewlyFailing, MoreFailing, Fixed, Slower, New}

func (r *Report) changes(b *strings.Builder) {
	if r.Baseline == "" {
		return
	}
	fmt.Fprintf(b, "### Since %s\n\n", r.Baseline)
	any := false
	for _, kind := range changeKinds {
		for i := range r.Cells {
			if o := &r.Cells[i]; o.Change == kind {
				any = true
				fmt.Fprintf(b, "- %s: %s %s in %s", kind, o.ID(), o.Shown(), wording.Duration(o.Seconds))
				if o.Was != "" {
					fmt.Fprintf(b, " (was %s)", o.Was)
				}
				if len(o.NewlyFailing) > 0 {
					fmt.Fprintf(b, "; newly failing: %s", strings.Join(o.NewlyFailing, ", "))
				}
				b.WriteString("\n")
			}
		}
	}
	for _, id := range r.Gone {
		any = true
		fmt.Fprintf(b, "- %s: %s\n", Gone, id)
	}
	if !any {
		b.WriteString("Nothing changed.\n")
	}
	b.WriteString("\n")
}

func (r *Report) troubles(b *strings.Builder) {
	heading := false
	for i := range r.Cells {
		o := &r.Cells[i]
		if o.Reason == "" && o.Shown() == o.Status {
			continue
		}
		if !heading {
			heading = true
			b.WriteString("### Why\n\n")
		}
		fmt.Fprintf(b, "- %s: %s", o.ID(), o.Shown())
		if why := o.why(); len(why) > 0 {
			fmt.Fprintf(b, ": %s", oneLine(strings.Join(why, "; ")))
		}
		if len(o.Failing) > 0 {
			fmt.Fprintf(b, " (%s)", strings.Join(o.Failing, ", "))
		}
		b.WriteString("\n")
	}
}

// why is the reason, then each measurement that decided nothing, unless the reason says
// so already.
func (o *Outcome) why() []string {
	var all []string
	if o.Reason != "" {
		all = append(all, o.Reason)
	}
	if o.Shown() != o.Status {
		for _, u := range o.Unjudged {
			all = append(all, u.String())
		}
	}
	return all
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func each(all []string, f func(string) string) []string {
	out := make([]string, 0, len(all))
	for _, s := range all {
		out = append(out, f(s))
	}
	return out
}
