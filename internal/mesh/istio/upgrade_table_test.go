package istio

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/onsi/gomega"
)

func TestIstioRowsForUpgrades(t *testing.T) {
	for _, m := range load(t).Istio {
		t.Run(m.Version.String(), func(t *testing.T) {
			g := gomega.NewWithT(t)
			if m.Kubernetes.Known() && m.Tested.Known() {
				g.Expect(compareMinor(m.Tested.First, m.Tested.Last)).To(gomega.BeNumerically("<=", 0), "tested %s", m.Tested)
				g.Expect(compareMinor(m.Tested.Last, m.Kubernetes.First)).To(gomega.Equal(-1), "what is supported is not tested only: %s, %s", m.Tested, m.Kubernetes)
			}
			if m.Precheck != nil {
				g.Expect(compareMinor(*m.Precheck, m.Kubernetes.First)).To(gomega.BeNumerically("<=", 0), "precheck refuses what is supported")
			}
			g.Expect(m.Released).To(gomega.ContainSubstring("20"))
			g.Expect(m.EndOfLife).To(gomega.ContainSubstring("20"))
			g.Expect(m.CRDs.In).To(gomega.BeElementOf(InCRDs, InTemplates))
			g.Expect(m.CRDs.In == InTemplates).To(gomega.Equal(m.Version.Minor >= 24))
			noted, err := NotedCRDs(m.Version.String())
			g.Expect(err).NotTo(gomega.HaveOccurred())
			kinds, v1 := map[string]bool{}, false
			for _, n := range noted {
				kinds[n.Kind] = true
				v1 = v1 || n.Version == "v1"
			}
			g.Expect(kinds).To(gomega.HaveLen(m.CRDs.Count), "fixtures/crds.yaml has other kinds")
			g.Expect(m.servesV1()).To(gomega.Equal(v1), "fixtures/crds.yaml has v1 from another minor on")
			g.Expect(m.CRDs.StoreV1 == 0 || v1).To(gomega.BeTrue())
			if m.Kubernetes.Known() {
				g.Expect(m.NativeSidecar != nil).To(gomega.Equal(m.Version.Minor >= 27))
			}
			g.Expect(m.Modules != nil).To(gomega.Equal(m.Pin != ""), "modules and pin belong together")
			if m.Pin != "" {
				mod, err := os.ReadFile(filepath.Join("..", "..", "..", "images", "istio", m.Version.String(), "go.mod"))
				g.Expect(err).NotTo(gomega.HaveOccurred())
				g.Expect(string(mod)).To(gomega.ContainSubstring("istio.io/istio " + m.Pin))
			}
		})
	}
}

func TestBoundaryRows(t *testing.T) {
	names := map[string]bool{}
	for _, b := range load(t).Boundaries {
		t.Run(b.Name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			g.Expect(names).NotTo(gomega.HaveKey(b.Name))
			names[b.Name] = true
			g.Expect(b.When).To(gomega.BeElementOf(Forward, Back))
			g.Expect(b.Kind).To(gomega.BeElementOf(Need, Refuse, Note))
			g.Expect(b.Text).NotTo(gomega.BeEmpty())
			g.Expect(b.Source).NotTo(gomega.BeEmpty())
			g.Expect(len(b.Do) > 0).To(gomega.Equal(b.Kind == Need), "a need says how it is met")
			g.Expect(b.After.Full()).To(gomega.BeFalse())
			for _, m := range b.Methods {
				g.Expect(m).To(gomega.BeElementOf(Methods))
			}
		})
	}
}

func TestLimitsOfUpgrades(t *testing.T) {
	g := gomega.NewWithT(t)
	for _, limit := range []Limit{load(t).Upgrade.InPlace, load(t).Upgrade.Canary, load(t).Upgrade.Back, load(t).Upgrade.Skew} {
		g.Expect(limit.Minors).To(gomega.BeNumerically(">", 0))
		g.Expect(limit.Source).To(gomega.ContainSubstring("https://istio.io/"))
	}
}
