package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/onsi/gomega"
)

func TestABaselineIsOnTheConsoleAndInTheSummary(t *testing.T) {
	g := gomega.NewWithT(t)
	group := ChangeGroup{Title: "slower", Mark: markWarn}
	for i := range 9 {
		group.Changes = append(group.Changes, fmt.Sprintf("s/c%d: 1.0s -> 9.0s", i))
	}
	r := redRun(t, func(o *Options) {
		o.Compare = func(doc *Report) *Compared {
			return &Compared{
				With: "run before (pass)", Summary: fmt.Sprintf("%d checks compared", len(doc.Tests)), Markdown: "### Compared with run before\n",
				Groups: []ChangeGroup{{Title: "newly failing", Mark: markFail, Changes: []string{"ingress/timeout: Expected\n<int>: 200"}}, group},
			}
		}
	})
	_, shown, _ := strings.Cut(r.screen.String(), "\ncompared with run before (pass)\n")
	g.Expect(shown).To(gomega.ContainSubstring(" ✗ newly failing: ingress/timeout: Expected <int>: 200\n"))
	g.Expect(shown).To(gomega.ContainSubstring(" ‼ slower: s/c5: 1.0s -> 9.0s\n   and 3 more slower in summary.md\n"))
	g.Expect(shown).To(gomega.ContainSubstring(" ✗ 8 checks compared\n"), "the worst group gives the mark")
	g.Expect(shown).To(gomega.HaveSuffix("verdict: fail\n"))
	g.Expect(string(r.read(markdownName))).To(gomega.ContainSubstring("\n### Compared with run before\n"))
}
