package report

import (
	"cmp"
	"maps"
	"slices"
)

func (m *markdown) warnings(doc *Report) {
	if len(doc.Warnings)+len(doc.Environment.Notes) == 0 {
		return
	}
	m.line("### Warnings and notes\n")
	for _, w := range append(slices.Clone(doc.Warnings), doc.Environment.Notes...) {
		m.line("- %s", escape(w))
	}
	m.line("")
}

func (m *markdown) tests(doc *Report) {
	if len(doc.Tests) == 0 {
		return
	}
	m.line("### Checks\n")
	m.line("| | Check | Time | |\n|---|---|--:|---|")
	marks := map[Status]string{Pass: markPass, Flaky: markWarn}
	for _, t := range doc.Tests {
		note, time, mark := t.Description, human(t.Seconds), cmp.Or(marks[t.Status], markFail)
		switch t.Status {
		case Skip:
			note, mark = "skipped: "+t.Reason, t.skipMark()
			if !t.Unmeasured {
				time = ""
			}
		case Flaky:
			note = "flaky: " + t.Reason
		case Fail:
			note = headline(t)
		}
		m.line("| %s | %s | %s | %s |", mark, escape(t.ID()), time, escape(truncate(note, markdownCell)))
	}
	m.line("")
}

func (m *markdown) measurements(doc *Report) {
	if len(doc.Load)+len(doc.Upgrade) == 0 {
		return
	}
	m.line("### Measurements\n")
	m.line("| Measurement | Verdict | |\n|---|---|---|")
	for _, l := range doc.Load {
		m.line("| %s | %s | %s |", escape(l.ID()), l.Verdict, escape(loadNote(l)))
	}
	for _, u := range doc.Upgrade {
		m.line("| %s | %s | %s |", escape(upgradeName(u)), u.Verdict, escape(upgradeNote(u)))
	}
	for _, r := range RepeatedUpgrades(doc.Upgrade) {
		m.line("| %s | %s | %s |", escape(r.Name), r.Verdict, escape(r.Note()))
	}
	m.line("")
}

func (m *markdown) phases(doc *Report) {
	if len(doc.Phases) == 0 {
		return
	}
	m.line("### Phases\n")
	m.line("| | Phase | Time |\n|---|---|--:|")
	for _, p := range doc.Phases {
		mark := markPass
		if p.Error != "" {
			mark = markFail
		}
		m.line("| %s | %s | %s |", mark, escape(p.Name), human(p.Seconds))
	}
	m.line("")
}

func (m *markdown) digests(e Environment) {
	if len(e.Digests) == 0 {
		return
	}
	m.line("<details><summary>Images</summary>\n")
	m.line("| Image | Digest |\n|---|---|")
	for _, image := range slices.Sorted(maps.Keys(e.Digests)) {
		m.line("| %s | %s |", escape(image), escape(e.Digests[image]))
	}
	m.line("\n</details>")
}
