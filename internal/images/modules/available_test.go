package modules

import (
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/project"
)

// TestTheVersionTableIsWhatCanBeBuilt holds the table that users choose from
// against the folders below images/.
func TestTheVersionTableIsWhatCanBeBuilt(t *testing.T) {
	g := gomega.NewWithT(t)
	root, err := project.Root()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	istioVersions, kubernetesVersions, err := Available(root)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	table, err := istio.Load()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	var wantIstio, wantKubernetes []string
	for _, v := range table.IstioIn(istio.SourceModules) {
		wantIstio = append(wantIstio, v.String())
	}
	for _, n := range table.KubernetesIn(istio.SourceModules) {
		wantKubernetes = append(wantKubernetes, "v"+n.Version.String())
	}
	g.Expect(istioVersions).To(gomega.ConsistOf(wantIstio))
	g.Expect(kubernetesVersions).To(gomega.ConsistOf(wantKubernetes))
}
