package matrix

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

// Schema names the contract of a matrix's report.json. New fields may be added
// under the same name; a field keeps its meaning.
const Schema = "istio-conformance/matrix/v1"

// Report is all cells together. Arrays are never null.
type Report struct {
	Schema string `json:"schema"`
	// Verdict is pass when no cell failed and none is missing, else fail; error when
	// the only trouble is cells that say nothing, invalid when it is measurements.
	Verdict Status `json:"verdict"`
	// Unjudged are the cells, by their ID, that pass and say nothing about their latency.
	Unjudged []string  `json:"unjudged,omitempty"`
	Source   string    `json:"source"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	Cells    []Outcome `json:"cells"`
	// Baseline is the report that this one is compared with; empty is none.
	Baseline string `json:"baseline,omitempty"`
	// Gone are cells of the baseline that are not in this matrix.
	Gone []string `json:"gone,omitempty"`
}

// The names of a matrix's files in its directory.
const (
	reportName  = "report.json"
	summaryName = "summary.md"
	pageName    = "report.html"
)

// finish sets the verdict, compares with the baseline, and writes the files.
func (r *Report) finish(dir, baseline string) error {
	r.Schema, r.Verdict = Schema, verdictOf(r.Cells)
	if r.Cells == nil {
		r.Cells = []Outcome{}
	}
	r.Unjudged = nil
	for i := range r.Cells {
		if c := &r.Cells[i]; c.Shown() != c.Status {
			r.Unjudged = append(r.Unjudged, c.ID())
		}
	}
	if baseline != "" {
		if err := r.Compare(baseline); err != nil {
			return err
		}
	}
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the matrix: %w", err)
	}
	page, err := r.Page()
	if err != nil {
		return err
	}
	return errors.Join(
		writeFile(filepath.Join(dir, pageName), page),
		writeFile(filepath.Join(dir, reportName), append(content, '\n')),
		writeFile(filepath.Join(dir, summaryName), []byte(r.Markdown())),
	)
}

// writeFile replaces a file whole, so that a reader never sees half of it.
func writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write the matrix: %w", err)
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, content, 0o644); err != nil {
		return fmt.Errorf("write the matrix: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("write the matrix: %w", err)
	}
	return nil
}

// But is what the verdict says nothing about; empty where it covers everything.
func (r *Report) But() string {
	if r.Verdict != Pass || len(r.Unjudged) == 0 {
		return ""
	}
	return fmt.Sprintf("%s in %d of %s", report.NotJudged, len(r.Unjudged), wording.Plural(len(r.Cells), "cell"))
}

// Why says why the verdict is not pass: the cells behind it, or that there is none.
func (r *Report) Why() string {
	var cells []string
	illegal := 0
	for i := range r.Cells {
		if r.Cells[i].Optional {
			continue
		}
		switch c := &r.Cells[i]; c.Status {
		case Fail, Error, Skipped, Invalid:
			cells = append(cells, c.ID()+" "+string(c.Status))
		case Illegal:
			illegal++
		}
	}
	switch {
	case len(cells) > 0:
		return strings.Join(cells, ", ")
	case illegal > 0:
		return "every cell is illegal, so nothing was proved to work: add a Kubernetes that Istio supports"
	default:
		return "there are no cells"
	}
}

// verdictOf puts the cells together. A cell that should have been run and was not
// is no pass; optional ones do not count.
func verdictOf(cells []Outcome) Status {
	verdict := Pass
	ran := 0
	for i := range cells {
		if cells[i].Optional {
			continue
		}
		switch cells[i].Status {
		case Fail:
			return Fail
		case Error, Skipped:
			verdict = Error
		case Invalid:
			if verdict == Pass {
				verdict = Invalid
			}
		case Pass, Flaky:
			ran++
		}
	}
	if verdict == Pass && ran == 0 {
		return Error // nothing was proved
	}
	return verdict
}
