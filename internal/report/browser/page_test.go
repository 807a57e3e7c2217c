package browser

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/onsi/gomega"

	"istio-conformance/internal/process/project"
	"istio-conformance/internal/report"
	"istio-conformance/internal/report/html"
)

// enabled says whether these tests run: they need a browser and a minute.
const enabled = "ISTIO_CONFORMANCE_BROWSER"

var views = []View{
	{Name: "phone-light", Width: 360, Height: 740},
	{Name: "phone-dark", Width: 360, Height: 740, Dark: true},
	{Name: "tablet-light", Width: 820, Height: 1180},
	{Name: "wide-light", Width: 1600, Height: 1000},
	{Name: "wide-dark", Width: 1600, Height: 1000, Dark: true},
	{Name: "print", Width: 794, Height: 1123, Print: true},
	{Name: "no-script", Width: 1024, Height: 768, NoScript: true},
}

// setUp is what all tests of the page share.
type setUp struct {
	browser *Browser
	axe     string
	out     string
	samples string
}

func start(t *testing.T) *setUp {
	t.Helper()
	if os.Getenv(enabled) != "1" {
		t.Skipf("%s=1 looks at the page in a browser: make test-report", enabled)
	}
	g := gomega.NewWithT(t)
	root, err := project.Root()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	path, err := Ensure(t.Context(), t.Logf)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	axe, err := Axe(t.Context(), root, t.Logf)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	b, stop, err := Start(t.Context(), path)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	t.Cleanup(stop)
	out := filepath.Join(root, "out", "page")
	g.Expect(os.MkdirAll(out, 0o755)).To(gomega.Succeed())
	return &setUp{b, axe, out, filepath.Join(root, "internal", "report", "html", "testdata")}
}

// render writes the page of a sample, beside a copy of its evidence, compared with
// the sample baseline; an empty one is none.
func (s *setUp) render(t *testing.T, name, baseline, to string) string {
	t.Helper()
	g := gomega.NewWithT(t)
	source, dir := filepath.Join(s.samples, name), filepath.Join(s.out, to)
	g.Expect(os.RemoveAll(dir)).To(gomega.Succeed())
	g.Expect(os.CopyFS(dir, os.DirFS(source))).To(gomega.Succeed())
	var before *report.Report
	if baseline != "" {
		before = s.read(t, baseline)
	}
	page, err := html.Render(s.read(t, name), before, dir)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	file := filepath.Join(dir, html.Name)
	g.Expect(os.WriteFile(file, page, 0o644)).To(gomega.Succeed())
	return file
}

// read returns the report of a sample.
func (s *setUp) read(t *testing.T, name string) *report.Report {
	t.Helper()
	g := gomega.NewWithT(t)
	content, err := os.ReadFile(filepath.Join(s.samples, name, "report.json"))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	var doc report.Report
	g.Expect(json.Unmarshal(content, &doc)).To(gomega.Succeed())
	return &doc
}

// TestPage opens each sample in each view: the browser has nothing to complain of,
// nothing is fetched, nothing is wider than the screen, and axe-core finds nothing.
func TestPage(t *testing.T) {
	s := start(t)
	for _, name := range []string{"green", "red", "invalid", "unjudged", "error", "hostile", "added"} {
		file := s.render(t, name, "", name)
		for _, view := range views {
			t.Run(name+"/"+view.Name, func(t *testing.T) { s.look(t, name, file, view) })
		}
	}
}

// TestPageWithABaseline looks at what changed: newly failing, and everything else
// between two runs that have little in common.
func TestPageWithABaseline(t *testing.T) {
	s := start(t)
	for name, baseline := range map[string]string{"red": "green", "green": "red", "invalid": "hostile", "unjudged": "green"} {
		to := name + "-since-" + baseline
		file := s.render(t, name, baseline, to)
		for _, view := range views {
			t.Run(to+"/"+view.Name, func(t *testing.T) { s.look(t, to, file, view) })
		}
	}
}

func (s *setUp) look(t *testing.T, name, file string, view View) {
	g := gomega.NewWithT(t)
	page, err := s.browser.Open(file, view)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	defer page.Close()
	g.Expect(page.Screenshot(filepath.Join(s.out, name, view.Name+".png"))).To(gomega.Succeed())
	// Not innerWidth: a phone widens that for what is too wide. One more is rounding.
	g.Expect(value[int64](t, page, "document.documentElement.scrollWidth")).To(gomega.BeNumerically("<=", view.Width+1), "the page's width on a screen of %d", view.Width)
	g.Expect(value[bool](t, page, "'pwned' in window")).To(gomega.BeFalse(), "a string of the report ran as a script")
	if !view.NoScript && !view.Print {
		value[bool](t, page, "document.querySelectorAll('details').forEach((e) => { e.open = true }), true")
		violations, passed, err := page.Accessibility(s.axe)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		g.Expect(violations).To(gomega.BeEmpty())
		g.Expect(passed).To(gomega.BeNumerically(">", 10), "rules that axe-core held the page against")
	}
	g.Expect(page.Problems()).To(gomega.BeEmpty(), "the browser's console")
	g.Expect(page.Requests()).To(gomega.HaveLen(1), "addresses that were asked for")
}

// TestReaderFindsTheirWay does what a reader does with the page.
func TestReaderFindsTheirWay(t *testing.T) {
	s := start(t)
	g := gomega.NewWithT(t)
	page, err := s.browser.Open(s.render(t, "red", "", "reader"), View{Name: "reader", Width: 1200, Height: 900})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	defer page.Close()
	shown := func() int { return value[int](t, page, "document.querySelectorAll('.check:not([hidden])').length") }
	all := shown()

	g.Expect(page.Do(chromedp.KeyEvent("/"))).To(gomega.Succeed())
	g.Expect(value[string](t, page, "document.activeElement.id")).To(gomega.Equal("find"), "/ leads to the filter")
	// The protocol's own key press types the character although the page refused it.
	value[string](t, page, emptied)
	g.Expect(page.Do(chromedp.KeyEvent("504"))).To(gomega.Succeed())
	g.Expect(shown()).To(gomega.Equal(1), "checks that speak of 504")
	value[string](t, page, emptied)
	value[bool](t, page, "document.querySelector('input[value=passed]').click(), true")
	g.Expect(shown()).To(gomega.BeNumerically("<", all), "with the passed ones taken away")

	value[bool](t, page, "document.querySelector('#failure-ingress-timeout .evidence').open = true")
	g.Expect(page.Do(chromedp.SendKeys(chromedp.CSS("#failure-ingress-timeout .find-lines"), "health_flags"))).To(gomega.Succeed())
	lines := value[string](t, page, "document.querySelector('#failure-ingress-timeout .file:not([hidden]) pre').textContent")
	g.Expect(lines).To(gomega.HavePrefix("outbound|80||backend"))
	g.Expect(lines).NotTo(gomega.ContainSubstring("cx_active"))

	value[string](t, page, "location.hash = '#kernel-overlay'")
	g.Expect(page.Do(chromedp.WaitVisible(chromedp.CSS("#kernel-overlay .body")))).To(gomega.Succeed(), "a link leads to what was filtered away")

	var focus []string
	for range 3 {
		g.Expect(page.Do(chromedp.KeyEvent("\t"))).To(gomega.Succeed())
		focus = append(focus, value[string](t, page, "document.activeElement.tagName"))
	}
	g.Expect(focus).NotTo(gomega.ContainElement("BODY"), "the keyboard reaches things")
	g.Expect(page.Problems()).To(gomega.BeEmpty())
}

// emptied empties the field that filters the checks.
const emptied = "document.querySelector('#find').value = ''"

// value evaluates an expression in the page.
func value[T any](t *testing.T, page *Page, expression string) T {
	t.Helper()
	v, err := Evaluate[T](page, expression)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}
