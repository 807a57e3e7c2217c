package check

import (
	"fmt"
	"slices"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/process/exitcode"
)

func TestShardsAreAllChecksOnceWithTheirGates(t *testing.T) {
	g := gomega.NewWithT(t)
	suites := []Suite{
		{Name: "a", Checks: []Check{{Name: "gate", Gate: true}, {Name: "1"}, {Name: "2"}, {Name: "3"}}},
		{Name: "b", Checks: []Check{{Name: "gate", Gate: true}, {Name: "4"}}},
	}
	var all []string
	for i, want := range [][]string{{"a/gate", "a/1", "a/3"}, {"a/gate", "a/2", "b/gate", "b/4"}} {
		shard, err := ParseShard(fmt.Sprintf("%d/2", i+1))
		g.Expect(err).NotTo(gomega.HaveOccurred())
		ids := IDs(shard.Plan(suites))
		g.Expect(ids).To(gomega.Equal(want))
		all = append(all, ids...)
	}
	slices.Sort(all)
	whole := IDs(suites)
	slices.Sort(whole)
	g.Expect(slices.Compact(all)).To(gomega.Equal(whole))
	none, err := ParseShard("")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(none.Plan(suites)).To(gomega.Equal(suites))
	for _, bad := range []string{"0/4", "5/4", "1", "1/4x", "a/4", "1/0", "-1/4"} {
		_, err := ParseShard(bad)
		g.Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Usage), bad)
	}
}

func TestRestLeavesOutWhatIsDone(t *testing.T) {
	g := gomega.NewWithT(t)
	suites := []Suite{
		{Name: "a", Checks: []Check{{Name: "gate", Gate: true}, {Name: "1"}, {Name: "2"}}},
		{Name: "b", Checks: []Check{{Name: "gate", Gate: true}, {Name: "3"}}},
	}
	left := Rest(suites, map[string]bool{"a/gate": true, "a/2": true, "b/3": true})
	g.Expect(IDs(left)).To(gomega.Equal([]string{"a/gate", "a/1"}))
	g.Expect(Rest(suites, nil)).To(gomega.Equal(suites))
}
