package published

import (
	"os"
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/mesh/istio"
)

func version(t *testing.T, text string) istio.Version {
	t.Helper()
	v, err := istio.ParseVersion(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// same are facts that the table has already.
func same(t *testing.T, table *istio.Table) Facts {
	t.Helper()
	f := Facts{Kind: table.Kind, Charts: "https://charts.example", SupportFrom: "https://support.example", CRDs: func(istio.Version) (istio.CRDRow, error) {
		return istio.CRDRow{Count: 16, Versions: 34, StoreV1: 11, In: istio.InTemplates}, nil
	}}
	for _, m := range table.Istio {
		f.Istio = append(f.Istio, m.Newest)
	}
	for _, n := range table.Kubernetes {
		if n.Image != "" {
			n.Modules = false
			f.Nodes = append(f.Nodes, n)
		}
	}
	return f
}

func TestRefresh(t *testing.T) {
	g := gomega.NewWithT(t)
	before, err := os.ReadFile("../../../fixtures/versions.yaml")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	table, err := istio.Parse(before)
	g.Expect(err).NotTo(gomega.HaveOccurred())

	after, err := Refresh(before, same(t, table))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(string(after)).To(gomega.Equal(string(before)), "nothing new changes nothing, not even a comment")

	f := same(t, table)
	f.Istio = append([]istio.Version{version(t, "1.34.0-alpha.1"), version(t, "1.33.1"), version(t, "1.33.0"), version(t, "1.31.9")}, f.Istio...)
	span := func(first, last string) istio.Range {
		return istio.Range{First: version(t, first), Last: version(t, last)}
	}
	f.Supports = []Support{
		{Minor: version(t, "1.33"), Supported: true, Released: "Feb 1, 2027", EndOfLife: "~Aug 2027 (Expected)", Kubernetes: span("1.34", "1.38")},
		{Minor: version(t, "1.32"), Supported: true, Released: "Nov 5, 2026", EndOfLife: "~May 2027 (Expected)", Kubernetes: span("1.33", "1.37")},
		{Minor: version(t, "1.30"), Released: "May 18, 2026", EndOfLife: "Dec 16, 2026", Kubernetes: span("1.32", "1.36"), Tested: span("1.27", "1.31")},
		{Minor: version(t, "1.12"), Kubernetes: span("1.19", "1.22")},
	}
	f.Nodes = append(f.Nodes, istio.Node{Version: version(t, "1.38.0"), Image: "kindest/node:v1.38.0@sha256:" + strings.Repeat("b", 64), Source: NodesURL(table.Kind)})
	after, err = Refresh(before, f)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	now, err := istio.Parse(after)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	row := func(minor string) istio.Minor {
		for _, m := range now.Istio {
			if m.Version.String() == minor {
				return m
			}
		}
		t.Fatalf("no row %s", minor)
		return istio.Minor{}
	}
	g.Expect(now.Istio).To(gomega.HaveLen(len(table.Istio) + 1))
	fresh := now.Istio[0]
	g.Expect(fresh.Version.String() + " " + fresh.Newest.String() + " " + fresh.Kubernetes.String() + " " + fresh.Released + " " + fresh.EndOfLife).To(
		gomega.Equal("1.33 1.33.1 1.34 to 1.38 2027-02-01 2027-08 expected"))
	g.Expect(fresh.CRDs.Count).To(gomega.Equal(16))
	g.Expect(row("1.32").Kubernetes.String()).To(gomega.Equal("1.33 to 1.37"))
	g.Expect(row("1.32").Source).To(gomega.Equal("https://support.example, row 1.32"))
	g.Expect(row("1.31").Newest.String()).To(gomega.Equal("1.31.9"))
	g.Expect(row("1.30").Ended).To(gomega.BeTrue())
	g.Expect(row("1.30").EndOfLife).To(gomega.Equal("2026-12-16"))
	g.Expect(now.Kubernetes[0].Version.String()).To(gomega.Equal("1.38.0"))
	g.Expect(now.Kubernetes).To(gomega.HaveLen(len(table.Kubernetes) + 1))
	for line := range strings.Lines(string(before)) {
		if strings.HasPrefix(line, "#") {
			g.Expect(string(after)).To(gomega.ContainSubstring(line), "a comment is gone")
		}
	}
	again, err := Refresh(after, f)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(string(again)).To(gomega.Equal(string(after)), "a second time changes nothing")
}

func TestDate(t *testing.T) {
	for text, want := range map[string]string{
		"May 18, 2026": `"2026-05-18"`, "Sept 5, 2023": `"2023-09-05"`, "~Feb 2027 (Expected)": `"2027-02 expected"`, "12 Oct 2026 (Expected)": `"2026-10-12 expected"`,
		"": `"as it was"`, "soon": `"as it was"`,
	} {
		if got := date(text, "as it was"); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
