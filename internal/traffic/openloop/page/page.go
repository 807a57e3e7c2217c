// Package page writes what was measured: one HTML page without anything from the
// network, the same as JSON for programs, and the histograms as .hgrm files for
// HdrHistogram's own plotter.
package page

import (
	"bytes"
	_ "embed" // the page's template
	"encoding/json"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"strings"

	"istio-conformance/internal/report/plot"
	"istio-conformance/internal/traffic/openloop"
)

//go:embed page.html
var source string

var pageTemplate = template.Must(template.New("page").Parse(source))

// page is what the template shows.
type page struct {
	Title    string
	Subtitle string
	Verdict  string
	Reasons  []string
	Tables   []table
	Charts   []template.HTML
	Notes    []string
}

// Style is the charts' CSS.
func (page) Style() template.CSS { return template.CSS(plot.Style) }

type table struct {
	Title string
	Head  []string
	Rows  [][]string
}

// charts marks the SVG as safe: package plot escapes what it was given.
func charts(svg ...string) []template.HTML {
	out := make([]template.HTML, len(svg))
	for i, s := range svg {
		out[i] = template.HTML(s)
	}
	return out
}

func (p page) html() ([]byte, error) {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return nil, fmt.Errorf("write the page: %w", err)
	}
	return b.Bytes(), nil
}

// save writes report.html, result.json and one .hgrm for each histogram to dir,
// which is made when it is missing.
func save(dir string, p page, value any, histograms map[string]*openloop.Histogram) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the output directory: %w", err)
	}
	html, err := p.html()
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	files := map[string][]byte{"report.html": html, "result.json": append(data, '\n')}
	for name, h := range histograms {
		var b bytes.Buffer
		if err := h.WriteHGRM(&b); err != nil {
			return fmt.Errorf("write %s.hgrm: %w", name, err)
		}
		files[fileName(name)+".hgrm"] = b.Bytes()
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return fmt.Errorf("write a result: %w", err)
		}
	}
	return nil
}

// fileName keeps a path's name from being a path.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, name)
}
