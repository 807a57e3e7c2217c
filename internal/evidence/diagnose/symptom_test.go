package diagnose

import (
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/mesh/istio"
)

func TestTheCatalogueIsValid(t *testing.T) {
	g := gomega.NewWithT(t)
	c, err := Load()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(len(c.Symptoms())).To(gomega.BeNumerically(">=", 30))
}

// TestEveryRegistryThatEndsIsASymptom holds the symptoms against the table of versions.
func TestEveryRegistryThatEndsIsASymptom(t *testing.T) {
	g := gomega.NewWithT(t)
	catalogue, err := Load()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	table, err := istio.Load()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	for _, e := range table.Ending {
		if !strings.HasSuffix(e.Place, "/charts") {
			g.Expect(catalogue.match["release-hub-ends"][0].patterns["hub"].matches(e.Place)).To(gomega.BeTrue(), e.Place)
			g.Expect(catalogue.match["image-place-ends"][0].patterns["image"].matches(e.Place+"/pilot:1.30.0")).To(gomega.BeTrue(), e.Place)
		}
	}
}
