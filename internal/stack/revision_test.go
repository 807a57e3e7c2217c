package stack

import (
	"testing"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestPodsAskTheRevisionForTheirProxy(t *testing.T) {
	labelled := func(value string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"kind": "Deployment", "metadata": map[string]any{"name": "a"}, "spec": map[string]any{
			"template": map[string]any{"metadata": map[string]any{"labels": map[string]any{"sidecar.istio.io/inject": value}}},
		}}}
	}
	of := func(revision string, injection map[string]string) *Stack {
		s := New(Config{}).Stack
		s.revision, s.injection = revision, injection
		return s
	}
	named := of("1-31-0", map[string]string{"istio.io/rev": "1-31-0"})
	tagged := of("1-31-0", map[string]string{"istio-injection": "enabled"})
	for name, test := range map[string]struct {
		s     *Stack
		value string
		want  string
	}{
		"a pod that asks, of a revision without a default": {named, "true", "1-31-0"},
		"a pod that refuses":                      {named, "false", ""},
		"a revision that a tag makes the default": {tagged, "true", ""},
		"no revision":                             {of("", nil), "true", ""},
	} {
		g := gomega.NewWithT(t)
		o := labelled(test.value)
		g.Expect(test.s.askRevision(o)).To(gomega.Succeed(), name)
		got, _, err := unstructured.NestedString(o.Object, "spec", "template", "metadata", "labels", "istio.io/rev")
		g.Expect(err).NotTo(gomega.HaveOccurred(), name)
		g.Expect(got).To(gomega.Equal(test.want), name)
	}
	g := gomega.NewWithT(t)
	g.Expect(named.Revised("istiod")).To(gomega.Equal("istiod-1-31-0"))
	g.Expect(of("", nil).Revised("istiod")).To(gomega.Equal("istiod"))
}
