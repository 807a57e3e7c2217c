package matrix

import (
	"bytes"
	_ "embed" // the page's parts
	"fmt"
	"html/template"
	"strings"
	"time"

	"istio-conformance/internal/report/html"
	"istio-conformance/internal/report/wording"
)

//go:embed page.html
var pageSource string

//go:embed page.css
var pageStyle string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

// page is what the template shows.
type page struct {
	*Report
	Grids []grid
	All   []*pageCell
	Since []sinceGroup
}

// sinceGroup is a kind of change since the baseline, with its cells.
type sinceGroup struct {
	Title      string
	Tone, Mark string
	Cells      []*pageCell
}

// Page is the matrix as one page that needs nothing else: no network, no script.
// The cells' own pages are linked.
func (r *Report) Page() ([]byte, error) {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, r.page()); err != nil {
		return nil, fmt.Errorf("render the matrix's %s: %w", pageName, err)
	}
	return b.Bytes(), nil
}

func (r *Report) page() *page {
	p := &page{Report: r}
	cells := map[*Outcome]*pageCell{}
	for i := range r.Cells {
		o := &r.Cells[i]
		cells[o] = &pageCell{Outcome: o, source: r.Source}
		p.All = append(p.All, cells[o])
	}
	p.Grids = r.grids(cells)
	for _, kind := range changeKinds {
		group := sinceGroup{Title: wording.Capital(string(kind)), Tone: changeTones[kind], Mark: signs[changeTones[kind]]}
		for _, c := range p.All {
			if c.Change == kind {
				group.Cells = append(group.Cells, c)
			}
		}
		if len(group.Cells) > 0 {
			p.Since = append(p.Since, group)
		}
	}
	return p
}

// CSS is the page's style.
func (*page) CSS() template.CSS { return template.CSS(html.CSS() + pageStyle) }

// Policy is the page's content security policy.
func (p *page) Policy() string { return html.Policy(string(p.CSS()), "") }

// Tone is the verdict's colour class.
func (p *page) Tone() string {
	if p.But() != "" {
		return tones[passUnjudged]
	}
	return tones[p.Verdict]
}

// Mark is the verdict's sign.
func (p *page) Mark() string { return signs[p.Tone()] }

// Sentence says how many cells ended how.
func (p *page) Sentence() string {
	var parts []string
	for _, n := range p.Counts() {
		parts = append(parts, fmt.Sprintf("%d %s", n.N, n.Status))
	}
	return wording.Plural(len(p.Cells), "cell") + ": " + strings.Join(parts, ", ") + "."
}

// count is how many cells have a status.
type count struct {
	Status Status
	N      int
}

// Counts are how many cells have which status, without those that none has.
func (p *page) Counts() []count {
	var all []count
	for _, status := range []Status{Fail, Error, Invalid, flakyUnjudged, Flaky, passUnjudged, Pass, Skipped, Illegal} {
		n := 0
		for i := range p.Cells {
			if p.Cells[i].Shown() == status {
				n++
			}
		}
		if n > 0 {
			all = append(all, count{status, n})
		}
	}
	return all
}

// Tone is the status' colour class.
func (c count) Tone() string { return tones[c.Status] }

// Mark is the status' sign.
func (c count) Mark() string { return signs[c.Tone()] }

// Meaning says in words what the status stands for.
func (c count) Meaning() string { return meanings[c.Status] }

// Took is how long the whole matrix took.
func (p *page) Took() string {
	return wording.Duration(max(0, p.Finished.Sub(p.Started).Seconds()))
}

// When is the start as people read it, and WhenISO as machines do.
func (p *page) When() string { return p.Started.UTC().Format("2006-01-02 15:04:05 UTC") }

// WhenISO is the start as machines read it.
func (p *page) WhenISO() string { return p.Started.UTC().Format(time.RFC3339) }
