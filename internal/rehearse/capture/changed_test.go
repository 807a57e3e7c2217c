package capture

import (
	"strings"
	"testing"

	"github.com/onsi/gomega"
)

func TestTheFieldsThatDiffer(t *testing.T) {
	before := map[string]any{"spec": map[string]any{"host": "a", "http": []any{map[string]any{"timeout": "1s"}, "x"}}}
	after := map[string]any{"spec": map[string]any{"host": "b", "http": []any{map[string]any{"timeout": "2s", "name": "n"}}}}
	g := gomega.NewWithT(t)
	g.Expect(Differs(before, after)).To(gomega.Equal([][]string{
		{"spec", "host"}, {"spec", "http", "0", "name"}, {"spec", "http", "0", "timeout"}, {"spec", "http", "1"},
	}))
	g.Expect(Differs(before, before)).To(gomega.BeEmpty())
}

func TestOneChangeIsTakenBack(t *testing.T) {
	object := func(name, host string) *Object {
		return &Object{Body: map[string]any{"kind": "VirtualService", "metadata": map[string]any{"name": name}, "spec": map[string]any{"host": host}}}
	}
	before, after := &Mesh{Objects: []*Object{object("a", "1"), object("b", "1"), object("gone", "1")}}, &Mesh{Objects: []*Object{object("a", "2"), object("b", "2"), object("new", "2")}}
	said := func(m *Mesh) string {
		var all []string
		for _, o := range m.Objects {
			all = append(all, o.Name()+"="+o.Fields("spec", "host").(string))
		}
		return strings.Join(all, " ")
	}
	g := gomega.NewWithT(t)
	for o, want := range map[*Object]string{
		after.Objects[0]: "a=1 b=2 new=2", after.Objects[2]: "a=2 b=2", before.Objects[2]: "a=2 b=2 new=2 gone=1",
	} {
		g.Expect(said(TakenBack(after, before, o))).To(gomega.Equal(want))
	}
	g.Expect(said(after)).To(gomega.Equal("a=2 b=2 new=2"))
}
