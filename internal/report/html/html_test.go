package html

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/onsi/gomega"
	"golang.org/x/net/html"

	"istio-conformance/internal/report"
)

// samples are reports as runs write them, below testdata.
var samples = []string{"green", "red", "invalid", "unjudged", "error", "hostile", "added"}

func sample(t *testing.T, name string) (*report.Report, string) {
	t.Helper()
	dir := filepath.Join("testdata", name)
	content, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range report.Validate(content) {
		t.Errorf("sample %s: %v", name, problem)
	}
	var doc report.Report
	if err := json.Unmarshal(content, &doc); err != nil {
		t.Fatal(err)
	}
	return &doc, dir
}

func render(t *testing.T, name string) string {
	t.Helper()
	doc, dir := sample(t, name)
	page, err := Render(doc, nil, dir)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// elements calls visit for each element of the page.
func elements(t *testing.T, page string, visit func(*html.Node)) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			visit(n)
		}
	}
}

func TestNothingIsLoadedFromElsewhere(t *testing.T) {
	for _, name := range samples {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			page := render(t, name)
			elements(t, page, func(n *html.Node) {
				g.Expect([]string{"link", "img", "iframe", "object", "embed", "base", "image", "use", "foreignobject"}).NotTo(gomega.ContainElement(strings.ToLower(n.Data)))
				for _, a := range n.Attr {
					g.Expect(a.Key).NotTo(gomega.Or(gomega.HavePrefix("on"), gomega.Equal("src"), gomega.Equal("style"), gomega.Equal("srcdoc"), gomega.Equal("formaction")), "an attribute of %s", n.Data)
					if a.Key == "href" {
						g.Expect(a.Val).To(gomega.MatchRegexp(`^(#|\./|https?://)`))
					}
				}
			})
			g.Expect(regexp.MustCompile(`(?i)@import|url\(`).FindString(CSS())).To(gomega.BeEmpty())
		})
	}
}

// TestHostileStringsStayText puts markup and scripts into every string of a report.
func TestHostileStringsStayText(t *testing.T) {
	g := gomega.NewWithT(t)
	scripts, styles := 0, 0
	elements(t, render(t, "hostile"), func(n *html.Node) {
		switch n.Data {
		case "script":
			scripts++
			g.Expect(n.FirstChild.Data).To(gomega.Equal(script))
		case "style":
			styles++
			g.Expect(n.FirstChild.Data).To(gomega.Equal(CSS()), "the policy's hash is of what the page holds")
		}
	})
	g.Expect([]int{scripts, styles}).To(gomega.Equal([]int{1, 1}))
}

func TestEveryAnchorIsUniqueAndEveryLinkLeadsSomewhere(t *testing.T) {
	for _, name := range samples {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			ids, links := map[string]int{}, []string{}
			elements(t, render(t, name), func(n *html.Node) {
				for _, a := range n.Attr {
					switch {
					case a.Key == "id":
						ids[a.Val]++
					case a.Key == "href" && strings.HasPrefix(a.Val, "#"):
						links = append(links, a.Val[1:])
					}
				}
			})
			for id, n := range ids {
				g.Expect(n).To(gomega.Equal(1), "id %q", id)
			}
			for _, link := range links {
				g.Expect(ids).To(gomega.HaveKey(link))
			}
		})
	}
}

func TestAFailureShowsWhatHelpsToMendIt(t *testing.T) {
	g := gomega.NewWithT(t)
	page := render(t, "red")
	for _, want := range []string{
		"the answer to GET /?delay=3s", "another route of the same host goes before it", "compare the route in gateway-config-dump.json",
		`href="https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/"`, "make e2e KEEP=1 RUN=ingress/timeout",
		"The cause is unknown", "Back-off restarting failed container", "upstream_reset_before_response_started",
		"to which VirtualService istio-conformance/balancing-cq7z2 routes", "(follows from route-subset-empty)", "correct the subset's labels", "3571 access log entries",
		`href="./evidence/ingress/timeout/gateway-config-dump.json"`, "port 80 of 127.0.0.1 is taken",
	} {
		g.Expect(page).To(gomega.ContainSubstring(strings.NewReplacer("'", "&#39;").Replace(want)))
	}
}

// TestAPassWithoutItsLatencyLooksLikeNoPlainOne looks at the page's head and at the check.
func TestAPassWithoutItsLatencyLooksLikeNoPlainOne(t *testing.T) {
	g := gomega.NewWithT(t)
	page := render(t, "unjudged")
	for _, want := range []string{
		"<title>Istio conformance: pass (latency not judged)", `<header class="top warn">`, `<span class="word">pass</span> <span class="but">latency not judged</span>`,
		`<b>Latency was not judged.</b> The verdict does not depend on it.`, `<a href="#load">load/gateway-vs-direct</a>: only 3 of 8 rounds could be used`,
		`class="check warn" data-status="skipped"`,
	} {
		g.Expect(page).To(gomega.ContainSubstring(want))
	}
	doc, dir := sample(t, "unjudged")
	doc.Verdict, doc.Required = report.VerdictInvalid, []string{report.Latency}
	content, err := Render(doc, nil, dir)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(string(content)).To(gomega.And(gomega.ContainSubstring("so it is no pass"), gomega.Not(gomega.ContainSubstring(`class="but"`))))
	g.Expect(render(t, "green")).To(gomega.And(gomega.ContainSubstring(`<header class="top pass">`), gomega.Not(gomega.ContainSubstring("not judged"))))
}

func TestAFailedSetUpShowsItsSteps(t *testing.T) {
	g := gomega.NewWithT(t)
	page := render(t, "error")
	g.Expect(page).To(gomega.ContainSubstring("set-up failed in phase cluster"))
	g.Expect(page).To(gomega.ContainSubstring("writing the CNI configuration"))
}

func TestEvidenceIsShownWithinBounds(t *testing.T) {
	g := gomega.NewWithT(t)
	dir := t.TempDir()
	g.Expect(os.MkdirAll(filepath.Join(dir, "evidence", "ns"), 0o755)).To(gomega.Succeed())
	long := "first line\n" + strings.Repeat("a line of the middle\n", 5000) + "last line\n"
	for name, content := range map[string]string{"long.txt": long, "ns/binary.bin": "\x00\x01\xff", "ns/short.txt": "all of it"} {
		g.Expect(os.WriteFile(filepath.Join(dir, "evidence", name), []byte(content), 0o600)).To(gomega.Succeed())
	}
	g.Expect(os.Symlink("/etc/passwd", filepath.Join(dir, "evidence", "outside"))).To(gomega.Succeed())
	files, unshown := newReader(dir).files([]string{"evidence", "evidence/outside", "evidence/gone"})
	g.Expect(unshown).To(gomega.BeEmpty())
	by := map[string]file{}
	for _, f := range files {
		by[f.Name] = f
	}
	g.Expect(by["long.txt"].Text).To(gomega.And(gomega.HaveSuffix("last line"), gomega.HavePrefix("a line of the middle")))
	g.Expect(len(by["long.txt"].Text)).To(gomega.BeNumerically("<=", shownFile))
	g.Expect(by["long.txt"].Note).To(gomega.Equal("the last 47 KiB"))
	g.Expect(by["ns/short.txt"].Text).To(gomega.Equal("all of it"))
	g.Expect(by["ns/binary.bin"].Note).To(gomega.Equal("not text"))
	g.Expect(by["outside"].Note).To(gomega.Equal("cannot be read"), "a link that leads out of the directory")
	g.Expect(by["gone"].Note).To(gomega.Equal("cannot be read"))
}

// TestRepetitionsAreSummedUp shows how often a repeated journey lost requests, and who
// saw them fail.
func TestRepetitionsAreSummedUp(t *testing.T) {
	g := gomega.NewWithT(t)
	page := render(t, "hostile")
	for _, want := range []string{"All repetitions", "0 to 4, median 0", "What the proxies and the clients saw of the failed requests (2)"} {
		g.Expect(page).To(gomega.ContainSubstring(want))
	}
	g.Expect(render(t, "green")).NotTo(gomega.ContainSubstring("All repetitions"), "a journey that was made once")
}
