package matrix

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/onsi/gomega"
	"golang.org/x/net/html"

	reporthtml "istio-conformance/internal/report/html"
)

func samplePage(t *testing.T, name, baseline string) (*Report, string) {
	t.Helper()
	g := gomega.NewWithT(t)
	r, err := ReadReport(filepath.Join("testdata", name, "report.json"))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	if baseline != "" {
		g.Expect(r.Compare(filepath.Join("testdata", name, baseline))).To(gomega.Succeed())
	}
	content, err := r.Page()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	return r, string(content)
}

func visit(t *testing.T, content string, each func(*html.Node)) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(content))
	gomega.NewWithT(t).Expect(err).NotTo(gomega.HaveOccurred())
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			each(n)
		}
	}
}

func TestThePageShowsTheGridAndWhatChanged(t *testing.T) {
	g := gomega.NewWithT(t)
	r, content := samplePage(t, "mixed", "baseline.json")
	changes := map[string]Change{}
	for i := range r.Cells {
		changes[r.Cells[i].ID()] = r.Cells[i].Change
	}
	g.Expect(changes).To(gomega.And(
		gomega.HaveKeyWithValue("istio-1.31.0-kubernetes-1.36.3", Fixed), gomega.HaveKeyWithValue("istio-1.31.0-kubernetes-1.35.4", NewlyFailing),
		gomega.HaveKeyWithValue("istio-1.30.0-kubernetes-1.36.3", MoreFailing), gomega.HaveKeyWithValue("upgrade-1.30.0-to-1.31.0-kubernetes-1.35.4", Slower),
		gomega.HaveKeyWithValue("upgrade-1.30.0-to-1.31.0-kubernetes-1.36.3", New),
	))
	for _, want := range []string{
		"11 cells: 3 fail, 1 error, 1 invalid, 1 flaky, 2 pass, 1 skipped, 2 illegal.", ">Upgrades on Kubernetes</caption>", "146/148",
		`href="./istio-1.31.0-kubernetes-1.35.4/20261124-010000.000/report.html#failure-ingress-timeout"`,
		`href="./istio-1.30.0-kubernetes-1.34.4/cell.log"`, "another route of the same host goes before it",
		"make upgrade FROM=1.30.0 TO=1.31.0 KUBERNETES=1.36.3 IMAGES=modules", "istio-1.29.4-kubernetes-1.34.4", "14 of 54210 requests failed",
	} {
		g.Expect(content).To(gomega.ContainSubstring(want))
	}
	g.Expect(r.Markdown()).To(gomega.ContainSubstring("- more failing: istio-1.30.0-kubernetes-1.36.3 fail in 28m22s (was fail in 26m40s); newly failing: install/crds\n"))
}

// TestAPassWithoutItsLatencyIsSeen looks at a matrix that passes and could not judge the
// latency of three cells.
func TestAPassWithoutItsLatencyIsSeen(t *testing.T) {
	g := gomega.NewWithT(t)
	r, content := samplePage(t, "unjudged", "baseline.json")
	for _, want := range []string{
		"<title>Istio conformance matrix: pass (latency not judged in 3 of 6 cells)</title>", `<header class="top warn">`,
		`<span class="word">pass</span> <span class="but">latency not judged in 3 of 6 cells</span>`, "6 cells: 1 flaky (latency not judged), 2 pass (latency not judged), 3 pass.",
		`<span class="tag warn">pass (latency not judged)</span>`, `<span class="label">Not judged</span> load/gateway-vs-direct: only 3 of 8 rounds`,
	} {
		g.Expect(content).To(gomega.ContainSubstring(want))
	}
	markdown := r.Markdown()
	for _, want := range []string{
		"## Matrix: pass (latency not judged in 3 of 6 cells)\n", "⚠️ pass (latency not judged)", "- istio-1.31.0-kubernetes-1.35.4: pass (latency not judged): load/gateway-vs-direct: only 3 of 8 rounds",
		"- istio-1.31.0-kubernetes-1.34.4: flaky (latency not judged): flaky: install/endpoints-follow; load/gateway-vs-direct",
	} {
		g.Expect(markdown).To(gomega.ContainSubstring(want))
	}
	changes := map[string]Change{}
	for i := range r.Cells {
		if r.Cells[i].Change != "" {
			changes[r.Cells[i].ID()] = r.Cells[i].Change
		}
	}
	g.Expect(changes).To(gomega.Equal(map[string]Change{"istio-1.30.0-kubernetes-1.35.4": Fixed}), "a cell that was invalid or too slow is not fixed when its latency is not judged")
	g.Expect(content).NotTo(gomega.ContainSubstring("No longer failing</span> load/"))
	g.Expect(content).To(gomega.ContainSubstring("No longer failing</span> install/crds"))
}

func TestThePageNeedsNothingElseAndItsLinksLeadSomewhere(t *testing.T) {
	for _, name := range []string{"mixed", "unjudged", "hostile"} {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			_, content := samplePage(t, name, "")
			ids, links := map[string]int{}, []string{}
			visit(t, content, func(n *html.Node) {
				g.Expect([]string{"script", "link", "img", "iframe", "object", "base"}).NotTo(gomega.ContainElement(n.Data))
				for _, a := range n.Attr {
					g.Expect(a.Key).NotTo(gomega.Or(gomega.HavePrefix("on"), gomega.Equal("src"), gomega.Equal("style")), "an attribute of %s", n.Data)
					switch {
					case a.Key == "id":
						ids[a.Val]++
					case a.Key == "href" && strings.HasPrefix(a.Val, "#"):
						links = append(links, a.Val[1:])
					case a.Key == "href":
						g.Expect(a.Val).To(gomega.HavePrefix("./"))
						g.Expect(a.Val).NotTo(gomega.ContainSubstring(".."))
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
	gomega.NewWithT(t).Expect(regexp.MustCompile(`(?i)@import|url\(`).FindString(reporthtml.CSS() + pageStyle)).To(gomega.BeEmpty())
}
