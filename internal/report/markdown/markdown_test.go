package markdown

import (
	"strconv"
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/report"
)

func TestMarkdownStaysBelowGitHubsLimit(t *testing.T) {
	g := gomega.NewWithT(t)
	doc := report.Report{Verdict: report.VerdictFail}
	for i := range 300 {
		doc.Tests = append(doc.Tests, report.Test{Suite: "s", Name: strconv.Itoa(i), Status: report.Fail, Failures: []string{strings.Repeat("é<`|", 20<<10)}})
	}
	content := render(&doc, nil)
	g.Expect(len(content)).To(gomega.BeNumerically("<", 1<<20))
	g.Expect(content).To(gomega.MatchRegexp(`\n\d+ more in report\.json\.\n`))
	g.Expect(strings.Count(content, "<details>")).To(gomega.Equal(strings.Count(content, "</details>")))
}

func TestMarkdownEscapes(t *testing.T) {
	g := gomega.NewWithT(t)
	g.Expect(Escape("a|b <b>*x*</b>\n# [l](u) `c` & \x1b[1my\x1b[0m")).
		To(gomega.Equal("a\\|b &lt;b&gt;\\*x\\*&lt;/b&gt; \\# \\[l\\](u) \\`c\\` &amp; y"))
	g.Expect(code("make e2e")).To(gomega.Equal("`make e2e`"))
	g.Expect(code("a`b``")).To(gomega.Equal("``` a`b`` ```"))
	g.Expect(code("")).To(gomega.BeEmpty())
	g.Expect(link("https://istio.io/x?a=1&b")).To(gomega.Equal("<https://istio.io/x?a=1&b>"))
	g.Expect(link("javascript:alert(1)")).To(gomega.Equal("javascript:alert(1)"))
	g.Expect(link("https://x/><script>")).To(gomega.Equal("https://x/&gt;&lt;script&gt;"))
}
