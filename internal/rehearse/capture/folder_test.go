package capture

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/process/exitcode"
)

func TestAFolderIsAMesh(t *testing.T) {
	g := gomega.NewWithT(t)
	m, err := FromFolder("testdata/gitops")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(m.Index.Istio).To(gomega.Equal([]string{"1.30.0"}))
	g.Expect(m.Index.Objects).To(gomega.Equal(map[string]int{"VirtualService": 1, "DestinationRule": 1, "Service": 1}))
	g.Expect(m.Releases).To(gomega.HaveLen(2))
	g.Expect(m.Releases[0].String()).To(gomega.Equal("release istio-system/gateway"))
	g.Expect(m.Releases[1].Values).To(gomega.HaveKey("meshConfig"))
	g.Expect(m.Workloads).To(gomega.HaveLen(1))
	w := m.Workloads[0]
	g.Expect(w.Pods).To(gomega.Equal(3))
	g.Expect(w.Services).To(gomega.Equal([]string{"reviews"}))
	g.Expect(w.Ports).To(gomega.Equal([]Port{{Port: 9080, Protocol: "TCP"}}))
	route := m.Of("VirtualService")[0]
	g.Expect(route.Namespace()).To(gomega.Equal("shop"), "as the kustomization says")
	g.Expect(route.File + " " + string(rune('0'+route.Line))).To(gomega.Equal("shop/routes.yaml 2"))
	g.Expect(route.Fields("metadata", "annotations")).To(gomega.Equal(map[string]any{"networking.istio.io/exportTo": "."}))
	g.Expect(m.Of("Service")[0].Fields("spec", "ports")).To(gomega.Equal([]any{map[string]any{"name": "http", "port": float64(9080)}}))
}

func TestAnArchiveIsReadAsItWasWrittenAndTheSameMeshIsTheSameArchive(t *testing.T) {
	g := gomega.NewWithT(t)
	m, err := FromFolder("testdata/gitops")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	var archives [][]byte
	for range 2 {
		name := filepath.Join(t.TempDir(), "mesh.tar.gz")
		g.Expect(m.Write(name)).To(gomega.Succeed())
		content, err := os.ReadFile(name)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		archives = append(archives, content)
		again, err := Read(name)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		g.Expect(again.Index).To(gomega.Equal(m.Index))
		g.Expect(again.Releases).To(gomega.HaveLen(len(m.Releases)))
		g.Expect(again.Workloads[0].Labels).To(gomega.Equal(m.Workloads[0].Labels))
		route := again.Of("VirtualService")[0]
		g.Expect(route.Body).To(gomega.Equal(m.Of("VirtualService")[0].Body))
		g.Expect(route.Origin()).To(gomega.Equal("shop/routes.yaml:2"))
		g.Expect(route.LineOf("spec", "hosts")).To(gomega.BeNumerically(">", route.Line))
	}
	g.Expect(archives[0]).To(gomega.Equal(archives[1]))
}

func TestOfAnObjectThatIsThereTwiceTheLastCounts(t *testing.T) {
	g := gomega.NewWithT(t)
	dir := t.TempDir()
	for file, host := range map[string]string{"a.yaml": "one", "b.yaml": "two"} {
		content := "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: x}\nspec: {hosts: [" + host + "]}\n"
		g.Expect(os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600)).To(gomega.Succeed())
	}
	m, err := FromFolder(dir)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(m.Objects).To(gomega.HaveLen(1))
	g.Expect(m.Objects[0].Fields("spec", "hosts")).To(gomega.Equal([]any{"two"}))
	g.Expect(m.Index.Notes).To(gomega.ContainElement("VirtualService default/x is there twice: b.yaml:1 counts, a.yaml:1 does not"))
}

func TestAFolderForGitIsReplacedAndNothingElseIs(t *testing.T) {
	g := gomega.NewWithT(t)
	m, err := FromFolder("testdata/gitops")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	dir := filepath.Join(t.TempDir(), "mesh")
	g.Expect(m.Write(dir)).To(gomega.Succeed())
	stale := filepath.Join(dir, "namespaces", "gone", "service.yaml")
	g.Expect(os.MkdirAll(filepath.Dir(stale), 0o755)).To(gomega.Succeed())
	g.Expect(os.WriteFile(stale, []byte("kind: Service\nmetadata: {name: x}\n"), 0o600)).To(gomega.Succeed())
	g.Expect(m.Write(dir)).To(gomega.Succeed())
	g.Expect(stale).NotTo(gomega.BeAnExistingFile())
	_, err = Read(dir)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	other := t.TempDir()
	g.Expect(os.WriteFile(filepath.Join(other, "thesis.txt"), []byte("x"), 0o600)).To(gomega.Succeed())
	err = m.Write(other)
	g.Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Usage))
	g.Expect(filepath.Join(other, "thesis.txt")).To(gomega.BeAnExistingFile())
}

func TestBadInputIsOneClearLine(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		read  func(string) (*Mesh, error)
		want  string
	}{
		"no folder": {nil, func(dir string) (*Mesh, error) { return FromFolder(dir + "/none") }, "there is no such folder"},
		"broken YAML": {map[string]string{"a/b.yaml": "kind: X\napiVersion: v1\nmetadata:\n  name: x\n bad: [\n"}, FromFolder,
			"a/b.yaml:"},
		"a template":        {map[string]string{"t/x.yaml": "a: {{ .Values.a }}\nb: }\n"}, FromFolder, "template of Helm: render it first"},
		"nothing of Istio":  {map[string]string{"a.yaml": "kind: Service\napiVersion: v1\nmetadata: {name: x}\n"}, FromFolder, "there is no object of Istio"},
		"another tool":      {map[string]string{"readme.md": "x"}, Read, "it has no index.yaml"},
		"a bundle":          {map[string]string{"index.json": "{}"}, Read, "a bundle of evidence"},
		"a newer schema":    {map[string]string{"index.yaml": "schema: istio-conformance/mesh/v9\n"}, Read, `schema is "istio-conformance/mesh/v9", want "istio-conformance/mesh/v1"`},
		"a broken document": {map[string]string{"index.yaml": "schema: " + Schema + "\n", "cluster/x.yaml": "a: b\nc: [\n"}, Read, "cluster/x.yaml:"},
		"no kind":           {map[string]string{"index.yaml": "schema: " + Schema + "\n", "cluster/x.yaml": "a: b\n"}, Read, "cluster/x.yaml:1: this is no object"},
		"an unknown field":  {map[string]string{"index.yaml": "schema: " + Schema + "\n", "releases/n/x.yaml": "title: b\n"}, Read, `unknown field "title"`},
	} {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			dir := t.TempDir()
			for file, content := range c.files {
				file = filepath.Join(dir, file)
				g.Expect(os.MkdirAll(filepath.Dir(file), 0o755)).To(gomega.Succeed())
				g.Expect(os.WriteFile(file, []byte(content), 0o600)).To(gomega.Succeed())
			}
			_, err := c.read(dir)
			g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(c.want)))
			g.Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Usage))
			g.Expect(err.Error()).NotTo(gomega.ContainSubstring("\n"))
		})
	}
	g := gomega.NewWithT(t)
	name := filepath.Join(t.TempDir(), "x.tar.gz")
	g.Expect(os.WriteFile(name, []byte("no archive"), 0o600)).To(gomega.Succeed())
	_, err := Read(name)
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("no archive of istio-conformance capture")))
}
