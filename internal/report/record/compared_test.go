package record

import (
	"fmt"
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

func TestABaselineIsOnTheConsoleAndInTheSummary(t *testing.T) {
	g := gomega.NewWithT(t)
	group := report.ChangeGroup{Title: "slower", Mark: wording.MarkWarn}
	for i := range 9 {
		group.Changes = append(group.Changes, fmt.Sprintf("s/c%d: 1.0s -> 9.0s", i))
	}
	r := redRun(t, func(o *Options) {
		o.Compare = func(doc *report.Report) *report.Compared {
			return &report.Compared{
				With: "run before (pass)", Summary: fmt.Sprintf("%d checks compared", len(doc.Tests)), Markdown: "### Compared with run before\n",
				Environment: []string{"Istio 1.30.2 -> 1.31.0"},
				Groups:      []report.ChangeGroup{{Title: "newly failing", Mark: wording.MarkFail, Changes: []string{"ingress/timeout: Expected\n<int>: 200"}}, group},
			}
		}
	})
	_, shown, _ := strings.Cut(r.screen.String(), "\ncompared with run before (pass)\n")
	g.Expect(shown).To(gomega.ContainSubstring(" ‼ environment: Istio 1.30.2 -> 1.31.0\n"))
	g.Expect(shown).To(gomega.ContainSubstring(" ✗ newly failing: ingress/timeout: Expected <int>: 200\n"))
	g.Expect(shown).To(gomega.ContainSubstring(" ‼ slower: s/c5: 1.0s -> 9.0s\n   and 3 more slower in summary.md\n"))
	g.Expect(shown).To(gomega.ContainSubstring(" ✗ 8 checks compared\n"), "the worst group gives the mark")
	g.Expect(shown).To(gomega.HaveSuffix("verdict: fail\n"))
	g.Expect(string(r.read(report.MarkdownName))).To(gomega.ContainSubstring("\n### Compared with run before\n"))
}

func TestAnotherEnvironmentIsNoChangeForTheWorse(t *testing.T) {
	compared := &report.Compared{Environment: []string{"Istio 1.30.2 -> 1.31.0"}}
	gomega.NewWithT(t).Expect(markOf(compared)).To(gomega.Equal(wording.MarkPass))
}
