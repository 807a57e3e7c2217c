package diagnosis

import (
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/fixtures"
	"istio-conformance/internal/evidence/diagnose"
	"istio-conformance/internal/mesh/kube"
)

func TestEverySymptomThatIsProducedIsInTheCatalogueAndHasItsFixture(t *testing.T) {
	g := gomega.NewWithT(t)
	catalogue, err := diagnose.Load()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	known := map[string]bool{}
	for _, s := range catalogue.Symptoms() {
		known[s.Name] = true
	}
	values := map[string]string{"Namespace": "x", "GatewayNamespace": "y", "Backend": "b:1", "Pilot": "p:1"}
	for _, p := range produced() {
		g.Expect(known).To(gomega.HaveKey(p.symptom))
		if p.do != nil {
			continue
		}
		manifest, err := fixtures.Files.ReadFile("symptoms/" + p.symptom + ".yaml")
		g.Expect(err).NotTo(gomega.HaveOccurred())
		objects, err := kube.Render(manifest, values)
		g.Expect(err).NotTo(gomega.HaveOccurred(), p.symptom)
		g.Expect(objects).NotTo(gomega.BeEmpty())
	}
}

func TestAccuracyTellsRightFromUnknownAndWrong(t *testing.T) {
	g := gomega.NewWithT(t)
	a := &accuracy{}
	a.judge("one", []string{"one"})
	a.judge("one", nil)
	a.judge("one", []string{"two"})
	a.judge("one", []string{"one", "two"})
	g.Expect(a.right).To(gomega.Equal(1))
	g.Expect(a.unknown).To(gomega.Equal(1))
	g.Expect(a.wrong).To(gomega.ConsistOf("one: found [two]", "one: found [one two]"))
}
