package kernel

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/kernel"
)

// module checks on every node that a module is there and that what it is for
// works. What works outranks every list: a module that no source mentions is no
// failure when its function is there, for example because iptables uses the
// nftables backend.
func module(s *surveys, r kernel.Requirement) check.Check {
	return check.Check{
		Name:    strings.ToLower(strings.ReplaceAll(r.Module, "_", "-")),
		Promise: fmt.Sprintf("every node's kernel has %s, or does without it what %s needs", r.Module, r.NeededBy),
		Run: func(ctx context.Context, t *check.T) {
			nodes, err := s.get(ctx)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(nodes).NotTo(gomega.BeEmpty(), "the cluster has no nodes")
			for _, node := range slices.Sorted(maps.Keys(nodes)) {
				holds(t, node, nodes[node], r)
			}
		},
	}
}

func holds(t *check.T, node string, found survey, r kernel.Requirement) {
	state, evidence := found.facts.State(r)
	failure := found.probes.Failures[r.Probe]
	t.Observe("%s: %s is %s (%s); probe %s: %s", node, r.Module, state, evidence, r.Probe, worked(failure))
	t.Diagnose(
		fmt.Sprintf("node %s cannot do what %s needs: module %s is %s (%s), kernel %s, %s", node, r.NeededBy, r.Module, state, evidence, found.facts.Release, found.probes.Iptables),
		fmt.Sprintf("load it with `modprobe %s` and name it in a file in /etc/modules-load.d, or boot a kernel with %s", r.Module, r.Config),
		r.Link)
	t.Expect(failure).To(gomega.BeEmpty(), "node %s: probe %s failed; users see: %s", node, r.Probe, r.Symptom)
}

func worked(failure string) string {
	if failure == "" {
		return "works"
	}
	return failure
}
