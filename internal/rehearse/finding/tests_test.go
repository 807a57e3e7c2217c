package finding

import (
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/report"
)

func TestFindingsStandAmongChecks(t *testing.T) {
	g := gomega.NewWithT(t)
	r := &Report{How: "traffic", From: "1.30.0", To: "1.31.0", Findings: []Finding{
		{Level: Breaks, Rule: "answer", Object: "HTTPRoute shop/web", File: "a.yaml", Line: 3, Field: "status", Why: "a|b asks", Before: "404", After: "500", Explained: "it answers 500", Link: "https://x"},
		{Level: Breaks, Rule: "answer", Object: "HTTPRoute shop/web", Why: "other", Explained: "unexplained"},
		{Level: Note, Rule: "accepted", Object: "A b/c", Why: "old"},
	}, Looked: []string{"requests"}, NotLooked: []string{"TCP"}}
	r.Sort()
	all := r.Tests()
	var ids []string
	for _, test := range all {
		ids = append(ids, test.ID()+" "+string(test.Status))
	}
	g.Expect(ids).To(gomega.ConsistOf(
		"rehearsal/HTTPRoute shop/web fail", "rehearsal/HTTPRoute shop/web #2 fail", "rehearsal/A b/c pass", "rehearsal/looked at pass", "rehearsal/not looked at skip",
	))
	g.Expect(all).To(gomega.ContainElement(gomega.HaveField("Diagnosis", report.Diagnosis{Cause: "it answers 500", Link: "https://x"})))
	g.Expect(string(r.Markdown())).To(gomega.ContainSubstring(`| ✗ | HTTPRoute shop/web (a.yaml:3) | status: a\|b asks | 404 | 500 | it answers 500 |`))
	g.Expect(string(r.Markdown())).NotTo(gomega.ContainSubstring("A b/c"), "notes are for the report")
}
