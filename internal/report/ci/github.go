// Package ci says what a report says in the ways that continuous integration and
// dashboards understand: annotations, a step summary, metrics and a badge.
package ci

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

// shownAnnotations is how many errors, and how many warnings, GitHub shows of one
// step (docs.github.com, "Workflow commands for GitHub Actions").
const shownAnnotations = 10

// GitHub writes annotations to w and appends the summary to the step's, when the
// environment says that this is a step of GitHub Actions. dir is the run's
// directory.
func GitHub(w io.Writer, dir string, getenv func(string) string) error {
	if getenv("GITHUB_ACTIONS") != "true" {
		return nil
	}
	doc, err := report.Read(filepath.Join(dir, "report.json"))
	if err != nil {
		return err
	}
	for _, line := range Annotations(doc) {
		fmt.Fprintln(w, line)
	}
	path := getenv("GITHUB_STEP_SUMMARY")
	if path == "" {
		return nil
	}
	summary, err := os.ReadFile(filepath.Join(dir, "summary.md"))
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("write the step's summary: %w", err)
	}
	if _, err := f.Write(append(summary, '\n')); err != nil {
		f.Close() //nolint:errcheck // the first error counts
		return fmt.Errorf("write the step's summary: %w", err)
	}
	return f.Close()
}

// Annotations are GitHub's workflow commands for what a reader of a pull request
// must see: an error for each failure, a warning for each flaky check, for each latency
// that was not judged, and what is to be known of the run.
func Annotations(doc *report.Report) []string {
	var errors, warnings []string
	if doc.Error != nil {
		errors = append(errors, annotation("error", doc.Stopped(), doc.Error.Message))
	}
	for _, t := range doc.Tests {
		switch t.Status {
		case report.Fail:
			text := []string{t.Headline()}
			for _, f := range [][2]string{{"cause", t.Diagnosis.Cause}, {"fix", t.Diagnosis.Fix}, {"re-run", t.Rerun}} {
				if f[1] != "" {
					text = append(text, f[0]+": "+f[1])
				}
			}
			errors = append(errors, annotation("error", t.ID(), strings.Join(text, "\n")))
		case report.Flaky:
			warnings = append(warnings, annotation("warning", t.ID()+" is flaky", t.Reason+"\nre-run: "+t.Rerun))
		}
	}
	for _, l := range doc.Load {
		switch {
		case l.Verdict == report.VerdictPass:
		case doc.Excuses(l):
			warnings = append(warnings, annotation("warning", l.ID()+": "+report.NotJudged, l.Note()))
		default:
			errors = append(errors, annotation("error", l.ID()+": "+string(l.Verdict), l.Note()))
		}
	}
	for i, u := range doc.Upgrade {
		if u.Verdict != report.VerdictPass && !report.Replaced(doc.Upgrade, i) {
			errors = append(errors, annotation("error", fmt.Sprintf("upgrade %s to %s", u.From, u.To), u.Note()))
		}
	}
	for _, w := range doc.Warnings {
		warnings = append(warnings, annotation("warning", "istio-conformance", w))
	}
	return append(bounded(errors, "error"), bounded(warnings, "warning")...)
}

// bounded keeps what GitHub shows, the last of it a note of what it would not.
func bounded(lines []string, level string) []string {
	if len(lines) <= shownAnnotations {
		return lines
	}
	kept := lines[: shownAnnotations-1 : shownAnnotations-1]
	return append(kept, annotation(level, "istio-conformance", fmt.Sprintf("and %d more in the summary", len(lines)-len(kept))))
}

// annotation is one workflow command; nothing in its texts can end it.
func annotation(level, title, text string) string {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	return fmt.Sprintf("::%s title=%s::%s", level, property.Replace(wording.OneLine(title)), data.Replace(wording.Clean(text)))
}
