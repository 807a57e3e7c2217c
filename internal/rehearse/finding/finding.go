// Package finding is what a rehearsal says: each finding with the object, the line, why,
// and the upgrade note that explains it.
package finding

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/report/wording"
)

// Schema names the contract of the JSON.
const Schema = "istio-conformance/rehearsal/v1"

// Level says how much a finding matters.
type Level string

// The levels, from the worst to the mildest.
const (
	// Breaks is refused, or behaves differently, for certain.
	Breaks Level = "breaks"
	// Look needs eyes: whether it matters depends on what only the user knows.
	Look Level = "look"
	// Note is good to know.
	Note Level = "note"
)

var levels = []Level{Breaks, Look, Note}

// marks begin the lines for people.
var marks = map[Level]string{Breaks: " ✗", Look: " ‼", Note: " -"}

// Finding is one thing that the upgrade changes.
type Finding struct {
	Level Level `json:"level"`
	// Rule is what was looked at: "values-ignored".
	Rule string `json:"rule"`
	// Object is "kind namespace/name", or a release; empty where none is meant.
	Object string `json:"object,omitempty"`
	// File and Line are where it is written in the capture; Origin is "file:line" in the
	// folder that was captured.
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Origin string `json:"origin,omitempty"`
	// Field is the path of the field.
	Field string `json:"field,omitempty"`
	Why   string `json:"why"`
	// Before and After are what a proxy was sent, or how a request was answered, where
	// that was compared.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	// More is how many more requests show the same of the object's line.
	More int `json:"more,omitempty"`
	// Explained is what Istio's notes say of it; empty is unexplained where something was
	// compared.
	Explained string `json:"explained,omitempty"`
	Link      string `json:"link,omitempty"`
}

// Report is the result of one rehearsal.
type Report struct {
	Schema string `json:"schema"`
	// How is static, config or traffic.
	How  string `json:"how"`
	From string `json:"from"`
	To   string `json:"to"`
	// Kubernetes is the API server's version; empty where it is not known.
	Kubernetes string `json:"kubernetes,omitempty"`
	// Verdict is pass, or differs.
	Verdict  string    `json:"verdict"`
	Findings []Finding `json:"findings"`
	// Looked says what was looked at, NotLooked what was not, and why.
	Looked    []string `json:"looked"`
	NotLooked []string `json:"notLooked"`
	// Assumed is what the capture did not say.
	Assumed []string `json:"assumed"`
}

// Sort puts the worst first, then by object, and sets the verdict.
func (r *Report) Sort() {
	r.Schema = Schema
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(slices.Index(levels, a.Level), slices.Index(levels, b.Level)),
			cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Object, b.Object), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Why, b.Why),
		)
	})
	r.Findings = slices.Compact(r.Findings)
	r.Verdict = "pass"
	if r.count(Breaks) > 0 {
		r.Verdict = "differs"
	}
	// Lists are never null in JSON.
	for _, list := range []*[]string{&r.Looked, &r.NotLooked, &r.Assumed} {
		if *list == nil {
			*list = []string{}
		}
	}
	if r.Findings == nil {
		r.Findings = []Finding{}
	}
}

func (r *Report) count(level Level) int {
	n := 0
	for _, f := range r.Findings {
		if f.Level == level {
			n++
		}
	}
	return n
}

// Err is what the command ends with: status exitcode.Fail where something breaks.
func (r *Report) Err() error {
	if n := r.count(Breaks); n > 0 {
		return exitcode.Failf("Istio %s to %s: %s", r.From, r.To, broken(n))
	}
	return nil
}

func broken(n int) string {
	if n == 1 {
		return "1 thing breaks or differs"
	}
	return fmt.Sprintf("%d things break or differ", n)
}

// WriteJSON writes the report for machines.
func (r *Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// JSON is the report for machines.
func (r *Report) JSON() []byte {
	var content bytes.Buffer
	_ = r.WriteJSON(&content) // strings and numbers into memory: it never fails
	return content.Bytes()
}

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) {
	fmt.Fprintf(w, "Istio %s to %s, %s\n", r.From, r.To, r.How)
	for _, f := range r.Findings {
		f.write(w)
	}
	for _, text := range r.Looked {
		fmt.Fprintf(w, " ✓ looked at: %s\n", text)
	}
	for _, text := range r.NotLooked {
		fmt.Fprintf(w, " - not looked at: %s\n", text)
	}
	for _, text := range r.Assumed {
		fmt.Fprintf(w, " - assumed: %s\n", text)
	}
	fmt.Fprintf(w, "%s, %d to look at, %s\nverdict: %s\n", broken(r.count(Breaks)), r.count(Look), wording.Plural(r.count(Note), "note"), r.Verdict)
}

func (f *Finding) write(w io.Writer) {
	where := ""
	if f.File != "" {
		where = fmt.Sprintf("  %s:%d", f.File, f.Line)
	}
	if f.Origin != "" {
		where += " (from " + f.Origin + ")"
	}
	fmt.Fprintf(w, "%s %s%s%s\n", marks[f.Level], f.Rule, prefixed("  ", f.Object), where)
	fmt.Fprintf(w, "     %s\n", wording.OneLine(followed(f.Field, ": ")+f.Why))
	if f.More > 0 {
		fmt.Fprintf(w, "     and %d more requests\n", f.More)
	}
	for _, line := range []string{prefixed("before: ", f.Before), prefixed("after:  ", f.After), prefixed("note:   ", f.Explained), f.Link} {
		if line != "" {
			fmt.Fprintf(w, "     %s\n", wording.OneLine(line))
		}
	}
}

// prefixed is the text behind a prefix, or nothing.
func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

// followed is the text before a suffix, or nothing.
func followed(text, suffix string) string {
	if text == "" {
		return ""
	}
	return text + suffix
}
