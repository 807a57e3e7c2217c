package browser

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/matrix"
	"istio-conformance/internal/report/html"
)

// matrixPage writes the page of a matrix into a directory, compared with a baseline;
// an empty one is none.
func (s *setUp) matrixPage(t *testing.T, name, baseline, to string) string {
	t.Helper()
	g := gomega.NewWithT(t)
	samples := filepath.Join(s.samples, "..", "..", "..", "matrix", "testdata", name)
	r, err := matrix.ReadReport(filepath.Join(samples, "report.json"))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	if baseline != "" {
		g.Expect(r.Compare(filepath.Join(samples, baseline))).To(gomega.Succeed())
	}
	page, err := r.Page()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	dir := filepath.Join(s.out, to)
	g.Expect(os.RemoveAll(dir)).To(gomega.Succeed())
	g.Expect(os.MkdirAll(dir, 0o755)).To(gomega.Succeed())
	file := filepath.Join(dir, html.Name)
	g.Expect(os.WriteFile(file, page, 0o644)).To(gomega.Succeed())
	return file
}

// TestMatrixPage looks at the grid as TestPage does at a run.
func TestMatrixPage(t *testing.T) {
	s := start(t)
	for name, baseline := range map[string]string{"mixed": "baseline.json", "unjudged": "baseline.json", "hostile": ""} {
		file := s.matrixPage(t, name, baseline, "matrix-"+name)
		for _, view := range views {
			t.Run(name+"/"+view.Name, func(t *testing.T) { s.look(t, "matrix-"+name, file, view) })
		}
	}
}

// TestTheGridLeadsToItsCells follows a cell of the grid by its link, and unfolds it
// by the keyboard.
func TestTheGridLeadsToItsCells(t *testing.T) {
	s := start(t)
	g := gomega.NewWithT(t)
	page, err := s.browser.Open(s.matrixPage(t, "mixed", "baseline.json", "matrix-reader"), View{Name: "reader", Width: 1200, Height: 900})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	defer page.Close()
	value[bool](t, page, "document.querySelector('.grid td.fail a').click(), true")
	g.Expect(value[string](t, page, "document.querySelector(':target').id")).To(gomega.Equal("cell-istio-1.31.0-kubernetes-1.35.4"))
	g.Expect(value[bool](t, page, "document.querySelector(':target .failing').checkVisibility()")).To(gomega.BeTrue(), "what failed is shown where the link leads")
	g.Expect(page.Problems()).To(gomega.BeEmpty())
}
