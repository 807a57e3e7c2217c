package diagnose

import (
	"testing"

	"github.com/onsi/gomega"
)

func TestTheCatalogueIsValid(t *testing.T) {
	g := gomega.NewWithT(t)
	c, err := Load()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(len(c.Symptoms())).To(gomega.BeNumerically(">=", 30))
}
