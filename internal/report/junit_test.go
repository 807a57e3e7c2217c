package report

import (
	"encoding/xml"
	"strconv"
	"strings"
	"testing"

	"github.com/onsi/gomega"
)

func TestJUnitHoldsAnyText(t *testing.T) {
	g := gomega.NewWithT(t)
	const hostile = "]]> <![CDATA[ & \" ' < \x1b[31mred\x1b[0m \x00\x08 \ufffe \xff end"
	doc := Report{
		Tests: []Test{
			{Suite: hostile, Name: hostile, Status: Fail, Failures: []string{hostile, hostile}, Reason: hostile},
			{Suite: hostile, Name: "skipped", Status: Skip, Reason: hostile},
		},
		Load: []Load{{Name: hostile, Verdict: VerdictInvalid}},
	}
	content, err := renderJUnit(&doc)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	var read junitSuites
	g.Expect(xml.Unmarshal(content, &read)).To(gomega.Succeed(), "%s", content)
	want := oneLine(hostile)
	g.Expect(read.Suites[0].Name).To(gomega.Equal(clean(hostile)))
	g.Expect(read.Suites[0].Cases[0].Failure.Message).To(gomega.HavePrefix(want))
	g.Expect(read.Suites[0].Cases[0].Failure.Text).To(gomega.HavePrefix(clean(hostile)))
	g.Expect(read.Suites[0].Cases[1].Skipped.Message).To(gomega.Equal(want))
	g.Expect([]int{read.Tests, read.Failed, read.Skipped}).To(gomega.Equal([]int{3, 2, 1}))
}

func TestMarkdownStaysBelowGitHubsLimit(t *testing.T) {
	g := gomega.NewWithT(t)
	doc := Report{Verdict: VerdictFail}
	for i := range 300 {
		doc.Tests = append(doc.Tests, Test{Suite: "s", Name: strconv.Itoa(i), Status: Fail, Failures: []string{strings.Repeat("é<`|", 20<<10)}})
	}
	content := renderMarkdown(&doc, nil)
	g.Expect(len(content)).To(gomega.BeNumerically("<", 1<<20))
	g.Expect(content).To(gomega.MatchRegexp(`\n\d+ more in report\.json\.\n`))
	g.Expect(strings.Count(content, "<details>")).To(gomega.Equal(strings.Count(content, "</details>")))
}

// A pipeline that reads junit.xml must not be red when the run passes.
func TestJUnitSkipsARepetitionThatWasReplaced(t *testing.T) {
	g := gomega.NewWithT(t)
	for _, tt := range []struct {
		upgrades        []Upgrade
		failed, skipped int
	}{
		{[]Upgrade{madeAgain(), journeyOf("recommended", VerdictPass, 0)}, 0, 1},
		{[]Upgrade{journeyOf("recommended", VerdictPass, 0), madeAgain()}, 1, 0},
	} {
		content, err := renderJUnit(&Report{Upgrade: tt.upgrades})
		g.Expect(err).NotTo(gomega.HaveOccurred())
		var read junitSuites
		g.Expect(xml.Unmarshal(content, &read)).To(gomega.Succeed(), "%s", content)
		g.Expect([]int{read.Tests, read.Failed, read.Skipped}).To(gomega.Equal([]int{2, tt.failed, tt.skipped}))
	}
}
