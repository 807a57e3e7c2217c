package junit

import (
	"encoding/xml"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

func TestJUnitHoldsAnyText(t *testing.T) {
	g := gomega.NewWithT(t)
	const hostile = "]]> <![CDATA[ & \" ' < \x1b[31mred\x1b[0m \x00\x08 \ufffe \xff end"
	doc := report.Report{
		Tests: []report.Test{
			{Suite: hostile, Name: hostile, Status: report.Fail, Failures: []string{hostile, hostile}, Reason: hostile},
			{Suite: hostile, Name: "skipped", Status: report.Skip, Reason: hostile},
		},
		Load: []report.Load{{Name: hostile, Verdict: report.VerdictInvalid}},
	}
	content, err := render(&doc)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	var read junitSuites
	g.Expect(xml.Unmarshal(content, &read)).To(gomega.Succeed(), "%s", content)
	want := wording.OneLine(hostile)
	g.Expect(read.Suites[0].Name).To(gomega.Equal(wording.Clean(hostile)))
	g.Expect(read.Suites[0].Cases[0].Failure.Message).To(gomega.HavePrefix(want))
	g.Expect(read.Suites[0].Cases[0].Failure.Text).To(gomega.HavePrefix(wording.Clean(hostile)))
	g.Expect(read.Suites[0].Cases[1].Skipped.Message).To(gomega.Equal(want))
	g.Expect([]int{read.Tests, read.Failed, read.Skipped}).To(gomega.Equal([]int{3, 2, 1}))
}

// A pipeline that reads junit.xml must not be red when the run passes.
func TestJUnitSkipsARepetitionThatWasReplaced(t *testing.T) {
	g := gomega.NewWithT(t)
	passed := report.Upgrade{From: "1.30.0", To: "1.31.0", Journey: "in-place", Verdict: report.VerdictPass, Requests: 1000}
	again := passed
	again.Verdict, again.Again = report.VerdictInvalid, true
	for _, tt := range []struct {
		upgrades        []report.Upgrade
		failed, skipped int
	}{
		{[]report.Upgrade{again, passed}, 0, 1},
		{[]report.Upgrade{passed, again}, 1, 0},
	} {
		content, err := render(&report.Report{Upgrade: tt.upgrades})
		g.Expect(err).NotTo(gomega.HaveOccurred())
		var read junitSuites
		g.Expect(xml.Unmarshal(content, &read)).To(gomega.Succeed(), "%s", content)
		g.Expect([]int{read.Tests, read.Failed, read.Skipped}).To(gomega.Equal([]int{2, tt.failed, tt.skipped}))
	}
}
