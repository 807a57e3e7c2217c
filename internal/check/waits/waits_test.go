package waits

import (
	"testing"
	"time"

	"github.com/onsi/gomega"
)

func TestSet(t *testing.T) {
	g := gomega.NewWithT(t)
	var w Waits
	g.Expect(w.Set("nodes=5m, check=90s")).To(gomega.Succeed())
	g.Expect(w.Set("ingress/retries=3m")).To(gomega.Succeed())
	g.Expect(w.Or(Nodes, time.Second)).To(gomega.Equal(5 * time.Minute))
	g.Expect(w.Or(Chart, time.Second)).To(gomega.Equal(time.Second))
	g.Expect(w.String()).To(gomega.Equal("check=1m30s,ingress/retries=3m0s,nodes=5m0s"))
	g.Expect(w.Validate([]string{"ingress/retries"})).To(gomega.Succeed())
	g.Expect(w.Validate(nil)).To(gomega.MatchError(gomega.ContainSubstring("no check of this name")))
	for bad, want := range map[string]string{"nodes": "want name=duration", "nodes=soon": "want name=duration", "node=5m": "no wait has this name", "nodes=-1s": "more than nothing"} {
		g.Expect(w.Set(bad)).To(gomega.MatchError(gomega.ContainSubstring(want)))
	}
}
