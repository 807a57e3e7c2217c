package diagnose

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/evidence/diagnose/sample"
)

func sampled(t *testing.T, name string) fs.FS {
	t.Helper()
	g := gomega.NewWithT(t)
	content, err := os.ReadFile(filepath.Join("testdata", name+".yaml"))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	s, err := sample.Read(content)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	folder, err := s.FS()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	return folder
}

func TestASymptomOfTheMeshIsTheCauseOfAnyFailure(t *testing.T) {
	g := gomega.NewWithT(t)
	d, err := Explain(sampled(t, "istiod-scaled-to-zero"), func(string) bool { return false })
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(d.Cause).To(gomega.ContainSubstring("scaled to 0"))
	g.Expect(d.Symptoms[0].Related).To(gomega.BeTrue())
}

func TestASymptomOfAnObjectIsTheCauseOnlyWhereTheFailureNamesIt(t *testing.T) {
	g := gomega.NewWithT(t)
	folder := sampled(t, "route-host-missing")
	d, err := Explain(folder, func(string) bool { return false })
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(d.Cause).To(gomega.BeEmpty(), "it is somebody else's")
	g.Expect(d.Symptoms).To(gomega.ConsistOf(gomega.HaveField("Related", false)), "and it is shown all the same")
	g.Expect(d.Looked).NotTo(gomega.BeEmpty())

	d, err = Explain(folder, func(name string) bool { return name == "cart" })
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(d.Cause).To(gomega.ContainSubstring("routes to carts"))
	g.Expect(d.Symptoms[0].Evidence).NotTo(gomega.BeEmpty())
}
