package finding

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/onsi/gomega"
)

func accepted(t *testing.T, yaml string) ([]*Accepted, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "accepted.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return ReadAccepted(file)
}

func TestAcceptedUntilADay(t *testing.T) {
	g := gomega.NewWithT(t)
	all, err := accepted(t, `accepted:
- {object: HTTPRoute shop/web, field: status, after: "500", reason: nobody asks it, expires: 2027-03-31}
- {object: VirtualService shop/gone, reason: old, expires: 2027-03-31}
`)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	report := func() *Report {
		return &Report{Findings: []Finding{
			{Level: Breaks, Object: "HTTPRoute shop/web", Field: "status", Before: "404", After: "500", Why: "a"},
			{Level: Breaks, Object: "HTTPRoute shop/web", Field: "path", Why: "b"},
		}}
	}
	r := report()
	r.Accept(all, time.Date(2027, 3, 31, 23, 0, 0, 0, time.UTC))
	g.Expect(r.Findings).To(gomega.HaveExactElements(
		gomega.And(gomega.HaveField("Level", Breaks), gomega.HaveField("Field", "path")),
		gomega.And(gomega.HaveField("Level", Note), gomega.HaveField("Why", "a; accepted until 2027-03-31: nobody asks it")),
		gomega.And(gomega.HaveField("Level", Note), gomega.HaveField("Object", "VirtualService shop/gone")),
	))
	r = report()
	r.Accept(all, time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC))
	g.Expect(r.count(Breaks)).To(gomega.Equal(2), "it has expired")
}

func TestAcceptedIsRefusedInOneLine(t *testing.T) {
	for yaml, says := range map[string]string{
		"accepted: [{object: A b/c, expires: 2027-01-01}]":               `accepted\[0\]: A b/c has no reason$`,
		"accepted: [{reason: r, expires: 2027-01-01}]":                   `accepted\[0\]: it names no object`,
		"accepted: [{object: A b/c, reason: r, expires: soon}]":          `A b/c expires "soon"; want a day, such as 2027-03-31$`,
		"accepted: [{object: A b/c, reason: r, until: 2027-01-01}]":      `unknown field "until"; want a list`,
		"accepted: [{object: A b/c, reason: r, expires: \"2027-13-1\"}]": `want a day`,
	} {
		_, err := accepted(t, yaml)
		gomega.NewWithT(t).Expect(err).To(gomega.MatchError(gomega.MatchRegexp(says)), yaml)
	}
	_, err := ReadAccepted("none.yaml")
	gomega.NewWithT(t).Expect(err).To(gomega.MatchError(gomega.HavePrefix("--accepted none.yaml: ")))
}
