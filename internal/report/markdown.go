package report

import (
	"cmp"
	"fmt"
	"html"
	"strings"
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

// renderMarkdown returns summary.md, fit for $GITHUB_STEP_SUMMARY; compared is nil
// without a baseline.
func renderMarkdown(doc *Report, compared *Compared) string {
	var m markdown
	mark := cmp.Or(map[Verdict]string{VerdictPass: markPass, VerdictInvalid: markWarn}[doc.Verdict], markFail)
	if doc.PassesUnjudged() {
		mark = markWarn
	}
	m.line("## %s Istio conformance: %s\n", mark, doc.ShortVerdict())
	if d := describe(doc.Environment); d != "" {
		m.line("%s\n", escape(d))
	}
	if len(doc.Tests) > 0 {
		m.line("%s.\n", tally(doc.Tests))
	}
	m.line("Run %s, %s.\n", escape(doc.Run), human(doc.Finished.Sub(doc.Started).Seconds()))
	if over := doc.OverBudget(); over != "" {
		m.line("%s.\n", escape(over))
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
func (m *markdown) unjudged(doc *Report) {
	if len(doc.Unjudged) == 0 {
		return
	}
	m.line("Latency was not judged:\n")
	for _, u := range doc.Unjudged {
		m.line("- %s", escape(u.String()))
	}
	m.line("\n%s\n", escape(doc.UnjudgedRemedy()))
}

func (m *markdown) runError(doc *Report) {
	if doc.Error == nil {
		return
	}
	m.line("### %s\n", escape(stoppedIn(doc)))
	m.fence(doc.Error.Message)
	if steps := failedPhase(doc).Steps; len(steps) > 0 {
		m.line("<details><summary>%s before it</summary>\n", plural(len(steps), "step"))
		m.fence(strings.Join(steps, "\n"))
		m.line("</details>\n")
	}
}

func (m *markdown) failures(doc *Report) {
	failed := tally(doc.Tests).failed
	if failed == 0 {
		return
	}
	m.line("### Failed\n")
	start, shown := m.Len(), 0
	for _, t := range doc.Tests {
		if t.Status != Fail {
			continue
		}
		if m.Len()-start > markdownDetails {
			m.line("%d more in %s.\n", failed-shown, jsonName)
			return
		}
		shown++
		m.line("<details><summary>%s <code>%s</code> %s</summary>\n", markFail, html.EscapeString(clean(t.ID())), html.EscapeString(headline(t)))
		if len(t.Failures) > 0 {
			m.fence(strings.Join(t.Failures, "\n\n"))
		}
		m.item("Reason", escape(t.Reason))
		m.item("Promise", escape(t.Description))
		for _, o := range t.Observed {
			m.item("Observed", escape(o))
		}
		m.item("Cause", escape(t.Diagnosis.cause()))
		m.item("Fix", escape(t.Diagnosis.Fix))
		m.item("Link", link(t.Diagnosis.Link))
		for _, s := range t.Diagnosis.Symptoms {
			m.item("Symptom", escape(s.String()))
		}
		m.item("Evidence", escape(strings.Join(t.Evidence, ", ")))
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
	text = clean(text)
	if len(text) > markdownMessage {
		text = strings.ToValidUTF8(text[:markdownMessage], "") + "\n… all of it is in " + jsonName
	}
	fence := strings.Repeat("`", max(3, longestRun(text, '`')+1))
	m.line("%s\n%s\n%s\n", fence, text, fence)
}
