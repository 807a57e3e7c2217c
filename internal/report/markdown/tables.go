package markdown

import (
	"cmp"
	"maps"
	"slices"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

func (m *markdown) warnings(doc *report.Report) {
	if len(doc.Warnings)+len(doc.Environment.Notes) == 0 {
		return
	}
	m.line("### Warnings and notes\n")
	for _, w := range append(slices.Clone(doc.Warnings), doc.Environment.Notes...) {
		m.line("- %s", Escape(w))
	}
	m.line("")
}

func (m *markdown) tests(doc *report.Report) {
	if len(doc.Tests) == 0 {
		return
	}
	m.line("### Checks\n")
	m.line("| | Check | Time | |\n|---|---|--:|---|")
	marks := map[report.Status]string{report.Pass: wording.MarkPass, report.Flaky: wording.MarkWarn}
	for _, t := range doc.Tests {
		note, time, mark := t.Description, wording.Duration(t.Seconds), cmp.Or(marks[t.Status], wording.MarkFail)
		switch t.Status {
		case report.Skip:
			note, mark = "skipped: "+t.Reason, t.SkipMark()
			if !t.Unmeasured {
				time = ""
			}
		case report.Flaky:
			note = "flaky: " + t.Reason
		case report.Fail:
			note = t.Headline()
		}
		m.line("| %s | %s | %s | %s |", mark, Escape(t.ID()), time, Escape(wording.Truncate(note, markdownCell)))
	}
	m.line("")
}

func (m *markdown) measurements(doc *report.Report) {
	if len(doc.Load)+len(doc.Upgrade) == 0 {
		return
	}
	m.line("### Measurements\n")
	m.line("| Measurement | Verdict | |\n|---|---|---|")
	for _, l := range doc.Load {
		m.line("| %s | %s | %s |", Escape(l.ID()), l.Verdict, Escape(l.Note()))
	}
	for _, u := range doc.Upgrade {
		m.line("| %s | %s | %s |", Escape(u.Title()), u.Verdict, Escape(u.Note()))
	}
	for _, r := range report.RepeatedUpgrades(doc.Upgrade) {
		m.line("| %s | %s | %s |", Escape(r.Name), r.Verdict, Escape(r.Note()))
	}
	m.line("")
}

func (m *markdown) phases(doc *report.Report) {
	if len(doc.Phases) == 0 {
		return
	}
	m.line("### Phases\n")
	m.line("| | Phase | Time |\n|---|---|--:|")
	for _, p := range doc.Phases {
		mark := wording.MarkPass
		if p.Error != "" {
			mark = wording.MarkFail
		}
		m.line("| %s | %s | %s |", mark, Escape(p.Name), wording.Duration(p.Seconds))
	}
	m.line("")
}

func (m *markdown) digests(e report.Environment) {
	if len(e.Digests) == 0 {
		return
	}
	m.line("<details><summary>Images</summary>\n")
	m.line("| Image | Digest |\n|---|---|")
	for _, image := range slices.Sorted(maps.Keys(e.Digests)) {
		m.line("| %s | %s |", Escape(image), Escape(e.Digests[image]))
	}
	m.line("\n</details>")
}
