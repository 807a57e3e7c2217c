package diagnose

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/evidence/diagnose/sample"
	"istio-conformance/internal/report"
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

func none(report.Symptom) bool { return false }

func TestASymptomOfTheMeshIsTheCauseOfAnyFailure(t *testing.T) {
	g := gomega.NewWithT(t)
	d, err := Explain(sampled(t, "istiod-scaled-to-zero"), func(string) bool { return false }, none)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(d.Cause).To(gomega.ContainSubstring("scaled to 0"))
	g.Expect(d.Symptoms[0].Related).To(gomega.BeTrue())
}

func TestASymptomOfAnObjectIsTheCauseOnlyWhereTheFailureNamesIt(t *testing.T) {
	g := gomega.NewWithT(t)
	folder := sampled(t, "route-host-missing")
	d, err := Explain(folder, func(string) bool { return false }, none)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(d.Cause).To(gomega.BeEmpty(), "it is somebody else's")
	g.Expect(d.Symptoms).To(gomega.ConsistOf(gomega.HaveField("Related", false)), "and it is shown all the same")
	g.Expect(d.Looked).NotTo(gomega.BeEmpty())

	d, err = Explain(folder, func(name string) bool { return name == "cart" }, none)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(d.Cause).To(gomega.ContainSubstring("routes to carts"))
	g.Expect(d.Symptoms[0].Evidence).NotTo(gomega.BeEmpty())
}

func TestASymptomThatIsRuledOutIsShownAndNoCause(t *testing.T) {
	g := gomega.NewWithT(t)
	named := func(name string) bool { return name == "gateway" }
	d, err := Explain(sampled(t, "load-balancer-pending"), named, none)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(d.Cause).To(gomega.ContainSubstring("no address after a minute"))
	d, err = Explain(sampled(t, "load-balancer-pending"), named, func(s report.Symptom) bool {
		return s.Name == "load-balancer-pending" && slices.Equal(s.Objects, []string{"istio-ingress/gateway"})
	})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(d.Cause).To(gomega.BeEmpty())
	g.Expect(d.Symptoms).To(gomega.ConsistOf(gomega.HaveField("Related", false)))
}

func TestRequestsAreTheCauseOnlyWhereTheFailureNamesTheirHost(t *testing.T) {
	g := gomega.NewWithT(t)
	folder := sampled(t, "requests-wrong-protocol")
	d, err := Explain(folder, func(name string) bool { return name == "gateway-1" }, none)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(d.Cause).To(gomega.BeEmpty(), "every failure at a gateway names its pod")
	d, err = Explain(folder, func(name string) bool { return name == "gateway-1" || name == "shop.example" }, none)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(d.Cause).To(gomega.ContainSubstring("requests for shop.example"))
}
