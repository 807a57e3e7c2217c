package kube

import (
	"strings"
	"testing"

	"github.com/onsi/gomega"
)

func TestRender(t *testing.T) {
	g := gomega.NewWithT(t)
	objects, err := Render([]byte("# only a comment\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Name }}\n---\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: other\n"),
		map[string]string{"Name": "backend"})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(objects).To(gomega.HaveLen(2))
	g.Expect(Name(objects[0])).To(gomega.Equal("Service backend"))
	objects[1].SetNamespace("ns")
	g.Expect(Name(objects[1])).To(gomega.Equal("ConfigMap ns/other"))
}

func TestRenderRefuses(t *testing.T) {
	cases := []struct{ name, manifest, message string }{
		{"a field without a value", "kind: A\nmetadata: {name: {{ .Missing }}}", "Missing"},
		{"a broken template", "{{ if }}", "template"},
		{"broken YAML", "kind: [", "object 1"},
		{"an object without a name", "apiVersion: v1\nkind: Service", "no name"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Render([]byte(c.manifest), map[string]string{})
			gomega.NewWithT(t).Expect(err).To(gomega.MatchError(gomega.ContainSubstring(c.message)))
		})
	}
}

func TestDecodeOfNothing(t *testing.T) {
	g := gomega.NewWithT(t)
	objects, err := Decode(strings.NewReader(""))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(objects).To(gomega.BeEmpty())
}
