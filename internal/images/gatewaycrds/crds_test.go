package gatewaycrds

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/onsi/gomega"
)

func TestReadTakesDefinitionsOnly(t *testing.T) {
	g := gomega.NewWithT(t)
	dir := t.TempDir()
	standard := filepath.Join(dir, filepath.Dir(definitions(Standard)))
	g.Expect(os.MkdirAll(standard, 0o755)).To(gomega.Succeed())
	write := func(name, text string) {
		g.Expect(os.WriteFile(filepath.Join(standard, name), []byte(text), 0o600)).To(gomega.Succeed())
	}
	write("gateway.networking.k8s.io_things.yaml", "---\nkind: CustomResourceDefinition\nmetadata: {name: things.example}\n---\nkind: ValidatingAdmissionPolicy\nmetadata: {name: guard}\n")
	write("kustomization.yaml", "kind: Kustomization\nmetadata: {name: all}\n")
	crds, err := read(dir, Standard)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(crds).To(gomega.HaveLen(1))
	g.Expect(crds[0].GetName()).To(gomega.Equal("things.example"))
}

func TestReadRefusesAModuleWithoutDefinitions(t *testing.T) {
	_, err := read(t.TempDir(), Standard)
	gomega.NewWithT(t).Expect(err).To(gomega.MatchError(gomega.ContainSubstring(definitions(Standard))))
}
