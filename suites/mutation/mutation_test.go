package mutation

import (
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
)

func TestTheBaselinePlaysWhatThePlannedMutationsPlay(t *testing.T) {
	mutations := []Mutation{{Name: "a", Plays: "install/crds"}, {Name: "b", Plays: "ingress:retries,ingress/timeout"}, {Name: "impossible", Plays: "load/capacity"}}
	whyNot := func(m Mutation) string { return map[string]string{"impossible": "LOAD=full"}[m.Name] }
	for _, c := range []struct {
		planned []string
		want    string
	}{
		{[]string{"baseline", "a", "b", "impossible"}, "install/crds,ingress:retries,ingress/timeout"},
		{[]string{"baseline", "b"}, "ingress:retries,ingress/timeout"},
		{nil, "install/releases"},
	} {
		suite := check.Suite{Name: Name}
		for _, name := range c.planned {
			suite.Checks = append(suite.Checks, check.Check{Name: name})
		}
		gomega.NewWithT(t).Expect(plays(mutations, []check.Suite{suite}, whyNot)).To(gomega.Equal(c.want), "%v", c.planned)
	}
}
