package check

import (
	"crypto/rand"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/process/exitcode"
)

func someSuites() []Suite {
	return []Suite{
		{Name: "kernel", Checks: []Check{{Name: "overlay"}, {Name: "nat"}}},
		{Name: "install", Checks: []Check{{Name: "releases", Gate: true}, {Name: "crds"}}},
		{Name: "ingress", Checks: []Check{{Name: "backends", Gate: true}, {Name: "retries", Feature: "resilience"}, {Name: "timeout", Feature: "resilience"}}},
	}
}

func TestPlan(t *testing.T) {
	cases := []struct {
		name, list string
		want       []string
	}{
		{"everything", "", []string{"kernel/overlay", "kernel/nat", "install/releases", "install/crds", "ingress/backends", "ingress/retries", "ingress/timeout"}},
		{"one check and the gates before it", "ingress/retries", []string{"install/releases", "ingress/backends", "ingress/retries"}},
		{"a suite and no gate after it", "kernel", []string{"kernel/overlay", "kernel/nat"}},
		{"a gate itself", "install/releases", []string{"install/releases"}},
		{"a feature", "ingress:resilience", []string{"install/releases", "ingress/backends", "ingress/retries", "ingress/timeout"}},
		{"two patterns with blanks", "kernel/nat, install/crds", []string{"kernel/nat", "install/releases", "install/crds"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			selection, err := Select(c.list, someSuites())
			g.Expect(err).NotTo(gomega.HaveOccurred())
			var got []string
			for _, suite := range selection.Plan(someSuites()) {
				for _, check := range suite.Checks {
					got = append(got, suite.Name+"/"+check.Name)
				}
			}
			g.Expect(got).To(gomega.Equal(c.want))
			g.Expect(Count(selection.Plan(someSuites()))).To(gomega.Equal(len(c.want)))
		})
	}
}

func TestSelectRefusesUnknownNames(t *testing.T) {
	g := gomega.NewWithT(t)
	long := Suite{Name: "exam"}
	for range 2 * mostNamed {
		long.Checks = append(long.Checks, Check{Name: rand.Text()})
	}
	for list, want := range map[string]string{
		"kernel,ingres":  `"ingres"; want a suite, suite/name or suite:feature; the suites are: kernel install ingress exam; LIST=1 in place of RUN shows all names; did you mean ingress?`,
		"ingress/retrys": "want one of: ingress ingress/backends ingress:resilience ingress/retries ingress/timeout; did you mean ingress/retries?",
		"exam/none":      "LIST=1 in place of RUN shows the names of suite exam",
	} {
		_, err := Select(list, append(someSuites(), long))
		g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(want)), list)
		g.Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Usage), list)
	}
}

func TestNarrow(t *testing.T) {
	suites := []Suite{
		{Name: "install", Checks: []Check{{Name: "releases", Gate: true}, {Name: "crds", Feature: "charts"}}},
		{Name: "ingress", Checks: []Check{{Name: "backends", Gate: true}, {Name: "retries", Feature: "retries", Parallel: true}, {Name: "retry-on", Feature: "retries"}, {Name: "tls", Feature: "tls"}}},
	}
	for expression, want := range map[string][]string{
		"feature=retries":             {"install/releases", "ingress/backends", "ingress/retries", "ingress/retry-on"},
		"suite=ingress,name~^retr.*s": {"install/releases", "ingress/backends", "ingress/retries"},
		"feature!=retries,gate=false": {"install/releases", "install/crds", "ingress/backends", "ingress/tls"},
		"name=crds; name=tls":         {"install/releases", "install/crds", "ingress/backends", "ingress/tls"},
		"id=~ingress/r,parallel=true": {"install/releases", "ingress/backends", "ingress/retries"},
		"suite=ingress,name!~retr":    {"install/releases", "ingress/backends", "ingress/tls"},
	} {
		t.Run(expression, func(t *testing.T) {
			g := gomega.NewWithT(t)
			selection, err := Selection{}.Narrow(expression, suites)
			g.Expect(err).NotTo(gomega.HaveOccurred())
			var got []string
			for _, suite := range selection.Plan(suites) {
				for _, c := range suite.Checks {
					got = append(got, suite.Name+"/"+c.Name)
				}
			}
			g.Expect(got).To(gomega.Equal(want))
		})
	}
	for _, bad := range []string{"retries", "colour=red", "name~(", "suite=nothing", "name"} {
		_, err := Selection{}.Narrow(bad, suites)
		gomega.NewWithT(t).Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Usage), bad)
	}
}
