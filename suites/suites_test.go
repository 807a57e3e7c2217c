package suites

import (
	"os"
	"slices"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check/catalogue"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/load"
	"istio-conformance/suites/mutation"
)

// TestTheCatalogueIsCurrent fails when docs/catalogue.md does not say what the
// checks say: make catalogue writes it anew.
func TestTheCatalogueIsCurrent(t *testing.T) {
	g := gomega.NewWithT(t)
	written, err := os.ReadFile("../docs/catalogue.md")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	runs, err := catalogue.ReadRuns("../docs/runs.json")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(string(written)).To(gomega.Equal(catalogue.Markdown(Catalogue(), runs)), "docs/catalogue.md is stale: run make catalogue and commit what it writes")
}

func TestEveryCheckHasAPromiseAndANameOfItsOwn(t *testing.T) {
	g := gomega.NewWithT(t)
	var ids []string
	for _, e := range Catalogue() {
		g.Expect(e.Promise).NotTo(gomega.BeEmpty(), e.ID)
		g.Expect(ids).NotTo(gomega.ContainElement(e.ID))
		ids = append(ids, e.ID)
	}
	for _, m := range append(Mutations(), mutation.Own(All(stack.New(stack.Config{}).Stack, Whole))...) {
		g.Expect(m.Promise).NotTo(gomega.BeEmpty(), m.Name)
		for id := range m.Fails {
			g.Expect(slices.Contains(ids, id)).To(gomega.BeTrue(), "mutation %s expects %s to fail, and there is no such check", m.Name, id)
		}
	}
	for id := range unbroken {
		g.Expect(slices.Contains(ids, id)).To(gomega.BeTrue(), "suites/unbroken.go names %s, and there is no such check", id)
	}
	g.Expect(len(All(stack.New(stack.Config{}).Stack, Extent{Load: load.Short}))).To(gomega.BeNumerically(">=", 3))
}

// TestEveryCheckHasBeenSeenRed fails when a check names neither what makes it fail nor why
// there is nothing.
func TestEveryCheckHasBeenSeenRed(t *testing.T) {
	g := gomega.NewWithT(t)
	for _, e := range Catalogue() {
		if len(e.Breaks) > 0 {
			g.Expect(e.Unbroken).To(gomega.BeEmpty(), "%s is broken by %s: take it out of suites/unbroken.go", e.ID, e.Breaks[0].Name)
		} else {
			g.Expect(e.Unbroken).NotTo(gomega.BeEmpty(), "nothing makes %s fail: add a mutation (docs/writing-a-check.md), or say in suites/unbroken.go why there is none", e.ID)
		}
	}
}
