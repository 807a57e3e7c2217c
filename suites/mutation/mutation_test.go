package mutation

import (
	"testing"

	"github.com/onsi/gomega"
)

func TestTheBaselinePlaysWhatTheSelectedMutationsPlay(t *testing.T) {
	mutations := []Mutation{{Name: "a", Plays: "install/crds"}, {Name: "b", Plays: "ingress:retries,ingress/timeout"}}
	for run, want := range map[string]string{
		"":                      "install/crds,ingress:retries,ingress/timeout",
		"mutation":              "install/crds,ingress:retries,ingress/timeout",
		"mutation/b":            "ingress:retries,ingress/timeout",
		"mutation/b,mutation/a": "install/crds,ingress:retries,ingress/timeout",
		"diagnosis":             "install/releases",
	} {
		gomega.NewWithT(t).Expect(plays(mutations, run)).To(gomega.Equal(want), "RUN=%s", run)
	}
}
