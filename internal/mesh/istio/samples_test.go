package istio

import (
	"testing"

	"github.com/onsi/gomega"
)

func TestEveryNotedKindHasASample(t *testing.T) {
	g := gomega.NewWithT(t)
	samples, err := Samples()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	known := map[string]bool{}
	for _, s := range samples {
		g.Expect(s.Valid).NotTo(gomega.BeEmpty(), s.Kind)
		g.Expect(s.Schema.Spec).NotTo(gomega.BeEmpty(), s.Kind)
		g.Expect(s.Schema.Names).NotTo(gomega.BeEmpty(), s.Kind)
		if s.Istiod != nil {
			g.Expect(s.Istiod.Names).NotTo(gomega.BeEmpty(), s.Kind)
		}
		known[s.Group+"/"+s.Kind] = true
	}
	noted, err := NotedCRDs("1.31.0")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	for _, kind := range noted {
		g.Expect(known).To(gomega.HaveKey(kind.Group + "/" + kind.Kind))
	}
}
