// Package markdown writes a report as a page of GitHub's Markdown.
package markdown

import (
	"cmp"
	"fmt"
	"html"
	"strings"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

// Bounds of summary.md: GitHub refuses a step summary above 1 MiB
// (docs.github.com, "Workflow commands", job summaries).
const (
	markdownMessage = 8 << 10
	markdownDetails = 700 << 10
	markdownCell    = 300
)

// markdown collects a document in GitHub's Markdown.
type markdown struct{ strings.Builder }

func (m *markdown) line(format string, args ...any) {
	m.WriteString(fmt.Sprintf(format, args...) + "\n")
}

// Output writes summary.md. compare compares the report with an earlier one;
// nil is none.
func Output(compare func(*report.Report) *report.Compared) report.Output {
	return report.Output{Name: report.MarkdownName, Render: func(doc *report.Report, _ string) ([]byte, error) {
		var compared *report.Compared
		if compare != nil {
			compared = compare(doc)
		}
		return []byte(render(doc, compared)), nil
	}}
}

// renderMarkdown returns summary.md, fit for $GITHUB_STEP_SUMMARY; compared is nil
// without a baseline.
func render(doc *report.Report, compared *report.Compared) string {
	var m markdown
	mark := cmp.Or(map[report.Verdict]string{report.VerdictPass: wording.MarkPass, report.VerdictInvalid: wording.MarkWarn}[doc.Verdict], wording.MarkFail)
	if doc.PassesUnjudged() {
		mark = wording.MarkWarn
	}
	m.line("## %s Istio conformance: %s\n", mark, doc.ShortVerdict())
	if d := doc.Environment.Describe(); d != "" {
		m.line("%s\n", Escape(d))
	}
	if len(doc.Tests) > 0 {
		m.line("%s.\n", report.Count(doc.Tests))
	}
	m.line("Run %s, %s.\n", Escape(doc.Run), wording.Duration(doc.Finished.Sub(doc.Started).Seconds()))
	if over := doc.OverBudget(); over != "" {
		m.line("%s.\n", Escape(over))
	}
	m.unjudged(doc)
	m.runError(doc)
	if compared != nil {
		m.line("%s", compared.Markdown)
	}
	m.failures(doc)
	m.warnings(doc)
	m.tests(doc)
	m.measurements(doc)
	m.phases(doc)
	m.digests(doc.Environment)
	return m.String()
}

// unjudged names each measurement that decided nothing, with its reason.
func (m *markdown) unjudged(doc *report.Report) {
	if len(doc.Unjudged) == 0 {
		return
	}
	m.line("Latency was not judged:\n")
	for _, u := range doc.Unjudged {
		m.line("- %s", Escape(u.String()))
	}
	m.line("\n%s\n", Escape(doc.UnjudgedRemedy()))
}

func (m *markdown) runError(doc *report.Report) {
	if doc.Error == nil {
		return
	}
	m.line("### %s\n", Escape(doc.Stopped()))
	m.fence(doc.Error.Message)
	if steps := doc.FailedPhase().Steps; len(steps) > 0 {
		m.line("<details><summary>%s before it</summary>\n", wording.Plural(len(steps), "step"))
		m.fence(strings.Join(steps, "\n"))
		m.line("</details>\n")
	}
}

func (m *markdown) failures(doc *report.Report) {
	failed := report.Count(doc.Tests).Failed
	if failed == 0 {
		return
	}
	m.line("### Failed\n")
	start, shown := m.Len(), 0
	for _, t := range doc.Tests {
		if t.Status != report.Fail {
			continue
		}
		if m.Len()-start > markdownDetails {
			m.line("%d more in %s.\n", failed-shown, report.JSONName)
			return
		}
		shown++
		m.line("<details><summary>%s <code>%s</code> %s</summary>\n", wording.MarkFail, html.EscapeString(wording.Clean(t.ID())), html.EscapeString(t.Headline()))
		if len(t.Failures) > 0 {
			m.fence(strings.Join(t.Failures, "\n\n"))
		}
		m.item("Reason", Escape(t.Reason))
		m.item("Promise", Escape(t.Description))
		for _, o := range t.Observed {
			m.item("Observed", Escape(o))
		}
		m.item("Cause", Escape(t.Diagnosis.Explanation()))
		m.item("Fix", Escape(t.Diagnosis.Fix))
		m.item("Link", link(t.Diagnosis.Link))
		for _, s := range t.Diagnosis.Symptoms {
			m.item("Symptom", Escape(s.String()))
		}
		m.item("Evidence", Escape(strings.Join(t.Evidence, ", ")))
		m.item("Re-run", code(t.Rerun))
		m.line("\n</details>\n")
	}
}

func (m *markdown) item(label, value string) {
	if value != "" {
		m.line("- %s: %s", label, value)
	}
}

// fence shows text as it is, in a fence longer than any in the text.
func (m *markdown) fence(text string) {
	text = wording.Clean(text)
	if len(text) > markdownMessage {
		text = strings.ToValidUTF8(text[:markdownMessage], "") + "\n… all of it is in " + report.JSONName
	}
	fence := strings.Repeat("`", max(3, longestRun(text, '`')+1))
	m.line("%s\n%s\n%s\n", fence, text, fence)
}
