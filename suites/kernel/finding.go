package kernel

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/machine/kernelprobe"
)

// requirement checks on every node that what a module is for works. What works
// outranks every list: a module that no source mentions is no failure when its
// function is there, for example because iptables uses the nftables backend.
func requirement(n *nodes, r *kernelprobe.Requirement) check.Check {
	promise := fmt.Sprintf("every node's kernel provides the function of %s: %s", r.Name, r.Purpose)
	return check.Check{Name: checkName(r.Name), Promise: promise, Run: one(n, r.Name)}
}

// setting checks a sysctl or limit of every node.
func setting(n *nodes, name, promise string) check.Check {
	return check.Check{Name: name, Promise: promise, Run: one(n, name)}
}

// one looks at one finding on every node.
func one(n *nodes, name string) func(context.Context, *check.T) {
	return func(ctx context.Context, t *check.T) {
		reports, err := n.get(ctx)
		t.Expect(err).NotTo(gomega.HaveOccurred())
		t.Expect(reports).NotTo(gomega.BeEmpty(), "the cluster has no nodes")
		var unseen gaps
		for _, node := range slices.Sorted(maps.Keys(reports)) {
			f, found := reports[node].Finding(name)
			t.Expect(found).To(gomega.BeTrue(), "node %s says nothing about %s", node, name)
			t.Observe("%s: %s", node, describe(f))
			switch f.Status {
			case kernelprobe.CannotTell, kernelprobe.Blocked, kernelprobe.Unused:
				unseen = append(unseen, gap{node, name, f.Reason})
			default:
				diagnose(t, node, f)
				t.Expect(f.Status).NotTo(gomega.Equal(kernelprobe.Failed), "node %s: %s", node, f.Reason)
			}
		}
		if len(unseen) > 0 {
			t.Skipf("%s", unseen)
		}
	}
}

// describe says in one line what is known.
func describe(f *kernelprobe.Finding) string {
	text := fmt.Sprintf("%s %s: %s", f.Name, f.Status, f.Reason)
	if f.Evidence != "" && !strings.Contains(text, f.Evidence) {
		text += fmt.Sprintf("; the module is %s (%s)", f.State, f.Evidence)
	}
	if f.AtBoot != "" {
		text += "; named for the next boot in " + f.AtBoot
	}
	return text
}

// diagnose lets a failure say what the report of the node says about it.
func diagnose(t *check.T, node string, f *kernelprobe.Finding) {
	if f.Diagnosis == nil {
		return
	}
	cause := fmt.Sprintf("node %s: %s", node, f.Diagnosis.Cause)
	if f.Diagnosis.Message != "" {
		cause += "; users see: " + f.Diagnosis.Message
	}
	t.Diagnose(cause, f.Diagnosis.Fix, f.Diagnosis.Link)
}
