package kernelprobe

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"istio-conformance/internal/machine/kernelprobe/probes"
)

// inspectTimeout bounds all probes of one machine together.
const inspectTimeout = time.Minute

// Options says how to inspect a machine.
type Options struct {
	// Uses says what it shall carry.
	Uses Uses
	// Kubernetes is the version that runs on it, such as 1.36; empty if unknown.
	Kubernetes string
}

// Inspect says what the kernel of this machine can carry: it reads what the kernel
// says about itself, tries what Istio does, and judges both. It changes nothing,
// except that the kernel may load modules by itself for what is tried, as it does
// for Istio; the report names them.
func Inspect(ctx context.Context, o Options) (*Report, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	table, err := Requirements()
	if err != nil {
		return nil, err
	}
	// First of all, since probes load modules.
	facts, err := Gather("/")
	if err != nil {
		return nil, err
	}
	obstacle, err := probes.Obstacle("/proc")
	if err != nil {
		return nil, err
	}
	ipv6 := speaksIPv6("/")
	o.Uses.IPv6 = o.Uses.IPv6 || o.Uses.everything && ipv6
	tools := probes.Tools(ctx)
	results := probes.Run(ctx, tools, probes.Options{IPv6: ipv6, Obstacle: obstacle})
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	report := &Report{
		Schema: Schema, Release: facts.Release, Uses: o.Uses.String(), Obstacle: obstacle, IPv6: ipv6, Results: results,
		Tools: slices.SortedFunc(maps.Values(tools), func(a, b probes.Tool) int { return strings.Compare(a.Name, b.Name) }),
	}
	after, err := Gather("/")
	if err != nil {
		return nil, err
	}
	for _, module := range slices.Sorted(maps.Keys(after.Loaded)) {
		if !facts.Loaded[module] {
			report.AutoLoaded = append(report.AutoLoaded, module)
		}
	}
	report.Requirements, report.Backend = judgeAll(table, observation{facts, tools, results, obstacle}, o.Uses)
	bridged := results["bridge"].Status == probes.Works
	report.Settings = (&settings{root: "/", uses: o.Uses, kubernetes: o.Kubernetes, bridged: bridged}).judge()
	report.conclude(o.Uses)
	return report, nil
}

// speaksIPv6 says whether the machine has IPv6 and has not turned it off.
func speaksIPv6(root string) bool {
	off, err := os.ReadFile(filepath.Join(root, "proc/sys/net/ipv6/conf/all/disable_ipv6"))
	return err == nil && strings.TrimSpace(string(off)) == "0"
}
