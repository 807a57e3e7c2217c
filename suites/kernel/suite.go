// Package kernel checks that the kernel below every node can carry Istio.
package kernel

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/machine/kernelprobe"
	"istio-conformance/internal/stack"
)

// parts are the parts of Istio that have a check of their own, by its name. What
// istio-cni needs is what sidecars need.
var parts = []struct {
	name string
	part kernelprobe.Part
}{
	{"node-runtime", kernelprobe.Node}, {"sidecars", kernelprobe.Sidecar}, {"dns-capture", kernelprobe.DNS},
	{"tproxy", kernelprobe.TProxy}, {"native-nftables", kernelprobe.NFTables}, {"ambient", kernelprobe.Ambient},
}

// settings are the sysctls and limits that have a check, by their name in a report.
var settings = map[string]string{
	"ip-forward":              "every node forwards packets from pod to pod",
	"bridge-nf-call-iptables": "traffic on a bridge of any node passes the Services' rules",
	"inotify":                 "every node has inotify instances and watches to spare",
	"conntrack-table":         "every node has room in its table of connections",
	"open-files":              "every node lets a proxy open as many files as it has connections",
	"cgroup":                  "every node's cgroup version is supported by its kubelet",
}

// Suite returns the kernel checks for the nodes of a cluster. Each requirement that
// has a check of its own is left out of those about parts, so that one cause is one
// failure.
func Suite(s *stack.Stack) check.Suite {
	suite := suiteOf(&nodes{stack: s})
	for i := range suite.Checks {
		suite.Checks[i].SkipIf = s.WhyNoNodes
	}
	return suite
}

func suiteOf(n *nodes) check.Suite {
	suite := check.Suite{Name: "kernel"}
	table, err := kernelprobe.Requirements()
	if err != nil {
		// The table is embedded and has tests; a wrong one is a failure like others.
		suite.Checks = []check.Check{{
			Name: "table", Promise: "the table of requirements can be read",
			Run: func(_ context.Context, t *check.T) { t.Expect(err).NotTo(gomega.HaveOccurred()) },
		}}
		return suite
	}
	own := map[string]bool{}
	for _, r := range table {
		if ownCheck(&r) {
			own[r.Name] = true
			suite.Checks = append(suite.Checks, requirement(n, &r))
		}
	}
	for _, p := range parts {
		suite.Checks = append(suite.Checks, part(n, p.name, p.part, own))
	}
	suite.Checks = append(suite.Checks, ipv6(n, own))
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		own[name] = true
		suite.Checks = append(suite.Checks, setting(n, name, settings[name]))
	}
	return suite
}

// checkName is how a requirement is called as a check: xt_REDIRECT is xt-redirect.
func checkName(requirement string) string {
	return strings.ToLower(strings.ReplaceAll(requirement, "_", "-"))
}
