package html

import (
	"strings"
	"testing"

	"github.com/onsi/gomega"
	"golang.org/x/net/html"
)

func TestThePageShowsWhatChangedSinceTheBaseline(t *testing.T) {
	g := gomega.NewWithT(t)
	doc, dir := sample(t, "red")
	baseline, _ := sample(t, "green")
	content, err := Render(doc, baseline, dir)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	page := string(content)
	g.Expect(page).To(gomega.ContainSubstring(`<a href="#failure-ingress-timeout">ingress/timeout</a>`))
	g.Expect(page).To(gomega.ContainSubstring("Against run green (pass)"))
	g.Expect(page).To(gomega.ContainSubstring(`<span class="name">Newly failing</span>`))
	ids, links := map[string]bool{}, []string{}
	elements(t, page, func(n *html.Node) {
		for _, a := range n.Attr {
			switch {
			case a.Key == "id":
				ids[a.Val] = true
			case a.Key == "href" && strings.HasPrefix(a.Val, "#"):
				links = append(links, a.Val[1:])
			}
		}
	})
	for _, link := range links {
		g.Expect(ids).To(gomega.HaveKey(link))
	}
	g.Expect(render(t, "red")).NotTo(gomega.ContainSubstring(`id="changes"`), "without a baseline")
}

func TestABaselineWithMarkupStaysText(t *testing.T) {
	g := gomega.NewWithT(t)
	doc, dir := sample(t, "green")
	baseline, _ := sample(t, "hostile")
	content, err := Render(doc, baseline, dir)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	scripts := 0
	elements(t, string(content), func(n *html.Node) {
		if n.Data == "script" {
			scripts++
		}
	})
	g.Expect(scripts).To(gomega.Equal(1))
}
