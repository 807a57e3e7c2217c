package notes

import (
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/mesh/istio"
)

func TestTheNotesOfAStepAreThoseOfTheBoundariesOnIt(t *testing.T) {
	g := gomega.NewWithT(t)
	at := func(minor int) istio.Version { return istio.Version{Major: 1, Minor: minor} }
	met, err := On(at(30), at(31))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(len(met)).To(gomega.BeNumerically(">", 5))
	for _, n := range met {
		g.Expect(n.Text).NotTo(gomega.BeEmpty(), n.Name)
		g.Expect(strings.HasPrefix(n.Link, "https://")).To(gomega.BeTrue(), n.Name)
	}
	for _, none := range [][2]int{{31, 31}, {31, 32}, {29, 30}} {
		met, err := On(at(none[0]), at(none[1]))
		g.Expect(err).NotTo(gomega.HaveOccurred())
		g.Expect(met).To(gomega.BeEmpty())
	}
	all, err := On(at(29), at(32))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(Explain(all, "route x: directResponse.status")).To(gomega.HaveField("Name", "route-without-backends"))
	g.Expect(Explain(all, "cluster x: connectTimeout")).To(gomega.BeNil())
}
