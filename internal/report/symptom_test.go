package report

import (
	"testing"

	"github.com/onsi/gomega"
)

func TestAnUnknownCauseSaysWhatWasLookedAt(t *testing.T) {
	g := gomega.NewWithT(t)
	g.Expect(Diagnosis{}.Explanation()).To(gomega.BeEmpty(), "nobody looked")
	g.Expect(Diagnosis{Cause: "known", Looked: []string{"2 pods"}}.Explanation()).To(gomega.Equal("known"))
	g.Expect(Diagnosis{Looked: []string{"2 pods", "7 events"}}.Explanation()).To(gomega.And(gomega.HavePrefix("unknown"), gomega.HaveSuffix("2 pods, 7 events")))
}

func TestASymptomSaysWhetherItMayBeTheCause(t *testing.T) {
	g := gomega.NewWithT(t)
	s := Symptom{Name: "x", Cause: "it broke", Related: true, Evidence: []string{"events.txt: line"}}
	g.Expect(s.String()).To(gomega.Equal("x: it broke; events.txt: line"))
	s.Follows = "y"
	g.Expect(s.String()).To(gomega.ContainSubstring("(follows from y)"))
	g.Expect(Symptom{Name: "x", Cause: "c"}.String()).To(gomega.ContainSubstring("nothing says"))
}
