package html

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strconv"
	"time"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

// page is what the template shows.
type page struct {
	Doc      *report.Report
	Title    string
	Sentence string
	Counts   report.Counts
	Share    []share
	Facts    []fact
	Digests  []fact
	Changes  *changes
	Failures []*test
	Suites   []suite
	Spans    []span
	Loads    []load
	Upgrades []upgrade
	Trends   []trends
	// Repeated are the rows of the journeys that were made more than once.
	Repeated [][]string
}

// fact is a name with its value.
type fact struct{ Name, Value string }

// share is a part of the bar that shows how the checks ended, in thousandths.
type share struct {
	Class    string
	From, To float64
}

func newPage(doc, baseline *report.Report, dir string) *page {
	p := &page{
		Doc: doc, Title: "Istio conformance: " + doc.ShortVerdict(), Counts: report.Count(doc.Tests),
		Facts: facts(doc), Spans: waterfall(doc), Loads: loads(doc), Upgrades: upgrades(doc), Repeated: repeated(doc), Trends: trendGroups(doc),
	}
	p.Sentence = sentence(doc, p.Counts)
	p.Share = shares(p.Counts)
	for _, image := range slices.Sorted(maps.Keys(doc.Environment.Digests)) {
		p.Digests = append(p.Digests, fact{image, doc.Environment.Digests[image]})
	}
	tests := newTests(doc, newReader(dir))
	for _, t := range tests {
		if t.Status == report.Fail {
			p.Failures = append(p.Failures, t)
		}
	}
	p.Suites = tree(tests)
	p.Changes = newChanges(baseline, doc, tests)
	return p
}

// CSS is the page's style.
func (*page) CSS() template.CSS { return template.CSS(CSS()) }

// Script is the page's script.
func (*page) Script() template.JS { return template.JS(script) }

// Policy is the page's content security policy.
func (*page) Policy() string { return policy() }

// Mark is the verdict's sign.
func (p *page) Mark() string {
	if p.Doc.PassesUnjudged() {
		return verdictMark(report.VerdictInvalid)
	}
	return verdictMark(p.Doc.Verdict)
}

// Tone is the verdict's colour class. A pass that says nothing about latency has another
// one than a pass that does.
func (p *page) Tone() string {
	if p.Doc.PassesUnjudged() {
		return tone(report.VerdictInvalid)
	}
	return tone(p.Doc.Verdict)
}

// But is what the verdict says nothing about; empty where it covers everything.
func (p *page) But() string {
	if p.Doc.PassesUnjudged() {
		return report.NotJudged
	}
	return ""
}

// Duration is how long the run took.
func (p *page) Duration() string {
	return wording.Duration(max(0, p.Doc.Finished.Sub(p.Doc.Started).Seconds()))
}

// Started is the run's start as people read it.
func (p *page) Started() string { return p.Doc.Started.UTC().Format("2006-01-02 15:04:05 UTC") }

// StartedISO is the run's start as machines read it.
func (p *page) StartedISO() string { return p.Doc.Started.UTC().Format(time.RFC3339) }

// Stopped is the heading of the run's error.
func (p *page) Stopped() string { return p.Doc.Stopped() }

// Steps are what the phase that failed did before.
func (p *page) Steps() []string {
	for _, phase := range p.Doc.Phases {
		if p.Doc.Error != nil && phase.Name == p.Doc.Error.Phase {
			return phase.Steps
		}
	}
	return nil
}

// Notes are the run's warnings and what must be known of its environment.
func (p *page) Notes() []string {
	return slices.Concat(p.Doc.Warnings, p.Doc.Environment.Notes)
}

func verdictMark(v report.Verdict) string {
	marks := map[report.Verdict]string{report.VerdictPass: "✓", report.VerdictInvalid: "‼", report.VerdictInconclusive: "‼"}
	return cmp.Or(marks[v], "✗")
}

// tone is the class of the colour that a verdict has.
func tone(v report.Verdict) string {
	switch v {
	case report.VerdictPass:
		return "pass"
	case report.VerdictInvalid, report.VerdictInconclusive:
		return "warn"
	}
	return "fail"
}

// sentence says in words what the verdict stands for.
func sentence(doc *report.Report, n report.Counts) string {
	ran := n.Total - n.Skipped
	switch doc.Verdict {
	case report.VerdictPass:
		if n.Flaky > 0 {
			return fmt.Sprintf("Every promise held in %s, but %d only at a later attempt.", wording.Plural(ran, "check"), n.Flaky)
		}
		return fmt.Sprintf("Every promise held in %s.", wording.Plural(ran, "check"))
	case report.VerdictFail:
		if over := doc.OverBudget(); n.Failed == 0 && over != "" {
			return "Too flaky: " + over + "."
		}
		if n.Failed == 0 {
			return "A measurement is outside of its limits."
		}
		return fmt.Sprintf("%d of %s failed.", n.Failed, wording.Plural(ran, "check"))
	case report.VerdictInvalid:
		return "A measurement that is required was invalid or inconclusive, so that it decides nothing."
	}
	return "The run says nothing about the system under test."
}

// shares are the parts of the checks that ended in each way.
func shares(n report.Counts) []share {
	var all []share
	at := 0.0
	for _, part := range []struct {
		class string
		n     int
	}{{"pass", n.Passed}, {"fail", n.Failed}, {"warn", n.Flaky}, {"skip", n.Skipped}} {
		if part.n > 0 {
			to := at + 1000*float64(part.n)/float64(n.Total)
			all = append(all, share{part.class, at, to})
			at = to
		}
	}
	return all
}

// Width is the width of the share.
func (s share) Width() float64 { return s.To - s.From }

// facts are what is known of the environment.
func facts(doc *report.Report) []fact {
	e := doc.Environment
	number := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	all := []fact{
		{"Istio", e.Istio}, {"Kubernetes", e.Kubernetes}, {"Helm", e.Helm}, {"Envoy", e.Proxy.Version}, {"Images", e.Images},
		{"Nodes", number(e.Nodes)}, {"CPUs", number(e.CPUs)}, {"Kernel", e.Kernel}, {"cgroup", e.Cgroup},
	}
	return slices.DeleteFunc(all, func(f fact) bool { return f.Value == "" })
}
