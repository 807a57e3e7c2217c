package rehearsal

import (
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/finding"
	"istio-conformance/internal/rehearse/questions"
)

// TestOnlyWhatWasSeenToDecideIsBlamed has a question of one object that changed together
// with others.
func TestOnlyWhatWasSeenToDecideIsBlamed(t *testing.T) {
	object := func(name string) *capture.Object {
		return &capture.Object{Body: map[string]any{"kind": "VirtualService", "metadata": map[string]any{"name": name, "namespace": "shop"}}}
	}
	a, b := object("a"), object("b")
	older, newer := istio.Version{Major: 1, Minor: 30}, istio.Version{Major: 1, Minor: 31}
	q := &questions.Question{Object: a.String(), URL: "http://x/"}
	for _, tt := range []struct {
		name    string
		from    istio.Version
		changed []*capture.Object
		causes  map[string][]*capture.Object
		object  string
		why     string
	}{
		{"nothing changed but the version", older, nil, nil, "VirtualService shop/a", ""},
		{"one object changed and nothing else", newer, []*capture.Object{b}, nil, "VirtualService shop/b", ""},
		{"another one decides", newer, []*capture.Object{a, b}, map[string][]*capture.Object{q.Key(): {b}}, "VirtualService shop/b", ""},
		{"the version decides", older, []*capture.Object{b}, map[string][]*capture.Object{q.Key(): {}}, "VirtualService shop/a", "; no changed object brings the former answer back when it alone is taken back"},
		{"it was not tried", newer, []*capture.Object{a, b}, nil, "VirtualService shop/a", "; which of the 2 changed objects decides is not known"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			r := &Rehearsal{Plan: &Plan{Mesh: &capture.Mesh{}}, From: tt.from, To: newer, changed: tt.changed, causes: tt.causes}
			f := finding.Finding{Object: q.Object}
			r.blame(&f, q)
			g.Expect(f.Object).To(gomega.Equal(tt.object))
			g.Expect(f.Why).To(gomega.Equal(tt.why))
		})
	}
}
