// Package html renders a report as one page that needs nothing else: no network,
// no script to be readable, inline CSS and SVG. What the page shows was written
// by programs under test, so that nothing of it may become markup or script:
// html/template escapes it, and a policy in the page allows only its own script.
package html

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page's parts
	"encoding/base64"
	"fmt"
	"html/template"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/plot"
)

// Name is the page's name in a run's directory.
const Name = "report.html"

//go:embed page.html
var pageSource string

//go:embed tests.html
var testsSource string

//go:embed measurements.html
var measurementsSource string

//go:embed changes.html
var changesSource string

//go:embed style.css
var style string

//go:embed script.js
var script string

var pageTemplate = template.Must(template.New("page").Parse(pageSource + testsSource + changesSource + measurementsSource))

// Output writes the page with every run, compared with the baseline, if there is
// one.
func Output(baseline *report.Report) report.Output {
	return report.Output{Name: Name, Render: func(doc *report.Report, dir string) ([]byte, error) { return Render(doc, baseline, dir) }}
}

// Render returns the page of a report, compared with the baseline unless that is
// nil. Small evidence is read from dir, the run's directory, and shown in the page;
// the rest of it is linked.
func Render(doc, baseline *report.Report, dir string) ([]byte, error) {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, newPage(doc, baseline, dir)); err != nil {
		return nil, fmt.Errorf("render %s: %w", Name, err)
	}
	return b.Bytes(), nil
}

// CSS is the style that the project's pages share: the charts' own and theirs.
func CSS() string { return plot.Style + style }

// policy allows nothing but the page's own style and script.
func policy() string { return Policy(CSS(), script) }

// Policy allows nothing but a page's own style and script, by their hashes; an
// empty script is none (W3C, Content Security Policy Level 3).
func Policy(style, script string) string {
	text := fmt.Sprintf("default-src 'none'; style-src '%s'; base-uri 'none'; form-action 'none'", hash(style))
	if script != "" {
		text += fmt.Sprintf("; script-src '%s'", hash(script))
	}
	return text
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
